-- What 15 and later have.
create view house.invoked with (security_invoker = true) as select id, label from house.plain;
create view house.over_invoked as select id from house.invoked;
create view house.invoked_secured with (security_invoker = true) as select id, note from house.secured;
create view house.over_both as select a.id from house.invoked_secured a join house.of_secured b using (id);
alter view house.invoked owner to r7;
alter view house.over_invoked owner to "R ""9""";
alter view house.invoked_secured owner to r6;
alter view house.over_both owner to r8;
grant set on parameter log_min_duration_statement to r2;
grant set, alter system on parameter work_mem to r5;
