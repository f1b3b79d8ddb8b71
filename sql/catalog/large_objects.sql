-- One row: how many large objects there are.
select count(*) as objects from pg_catalog.pg_largeobject_metadata
