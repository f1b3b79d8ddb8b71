-- no row: version $1 counts as applied no longer
delete from ops.schema_history where version = $1
