-- unisys:owner login
select 1;
