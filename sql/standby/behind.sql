-- One row: by how many bytes of write-ahead log this standby is behind the position $1; none or fewer when it has replayed it.
select pg_catalog.pg_wal_lsn_diff($1::text::pg_catalog.pg_lsn, pg_catalog.pg_last_wal_replay_lsn())::bigint as bytes
