-- One row: a replication slot and what it keeps.
select s.slot_name::text as slot, s.slot_type as type, s.active, s.wal_status, s.temporary,
    pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, s.restart_lsn)::int8 as bytes,
    age(s.xmin)::int8 as holds_back, age(s.catalog_xmin)::int8 as catalog_holds_back
from pg_replication_slots s
