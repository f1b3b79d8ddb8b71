-- one row: a setting of this session and its value: the login's time limits are for people at work, not for a migration; and a
-- server that notices soon that our host is gone frees our locks soon
select limits.name, pg_catalog.set_config(limits.name, limits.value, false) as value
from (values
    ('statement_timeout', '0'),
    ('lock_timeout', '60s'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'),
    ('transaction_timeout', '0'),
    ('tcp_keepalives_idle', '30'),
    ('tcp_keepalives_interval', '10'),
    ('tcp_keepalives_count', '6')
) as limits (name, value)
join pg_catalog.pg_settings as known on known.name = limits.name
