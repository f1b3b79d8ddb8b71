-- no row: the record $1 is of something done
update ops.role_changes set outcome = 'done', finished_at = clock_timestamp() where id = $1
