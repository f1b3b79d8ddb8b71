-- One row: a database and how old its oldest unfrozen transaction and multixact ids are.
select d.datname::text as database, age(d.datfrozenxid)::int8 as age, mxid_age(d.datminmxid)::int8 as multixact_age,
    current_setting('autovacuum_freeze_max_age')::int8 as freeze_max_age,
    current_setting('autovacuum_multixact_freeze_max_age')::int8 as multixact_freeze_max_age
from pg_database d
