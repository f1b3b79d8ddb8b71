-- no row: version $1 counts as applied from a file of name $2 and checksum $3
update ops.schema_history set name = $2, checksum = $3 where version = $1
