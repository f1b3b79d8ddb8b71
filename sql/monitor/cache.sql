-- One row: how often this database's blocks were found in shared buffers since the counters began.
select blks_hit as hit, blks_read as read from pg_stat_database where datname = current_database()
