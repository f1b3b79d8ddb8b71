-- one row: how many rows break the rule $1, and the first column of some
select rows, first from qa.run_rule($1)
