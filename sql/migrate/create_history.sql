-- no row: the history table; refinery's four columns by its names and types, then who applied it and how long it took
create table ops.schema_history (
    version int4 not null,
    name varchar(255) not null,
    applied_on varchar(255) not null,
    checksum varchar(255) not null,
    applied_by text not null default session_user,
    duration_ms int8 not null
        default round(extract(epoch from clock_timestamp() - transaction_timestamp()) * 1000)::int8,
    constraint schema_history_pkey primary key (version)
);
comment on table ops.schema_history is 'One row: a migration that was applied to this database';
comment on column ops.schema_history.checksum is 'SipHash 1-3 of name, version and text, as refinery makes it';
