-- one row per setting that this server has: its name and the value it now has for the session
select pinned.name, pg_catalog.set_config(pinned.name, pinned.value, false) as value
  from (values
         -- How values print. These decide the bytes of COPY text.
         ('DateStyle', 'ISO'),                   -- pg_dump does; the order of day and month plays no part in ISO output
         ('IntervalStyle', 'postgres'),          -- pg_dump does
         ('TimeZone', 'UTC'),                    -- timestamptz would print in the session's zone; pg_dump leaves it
         ('extra_float_digits', '3'),            -- pg_dump does: floats come back to the last bit
         ('bytea_output', 'hex'),                -- 'escape' prints other bytes
         ('lc_monetary', 'C'),                   -- money prints in this locale, see Session::set_pinned
         ('quote_all_identifiers', 'off'),       -- pg_get_constraintdef and its kin, regclass
         -- How text is read back.
         ('xmloption', 'content'),               -- 'document' refuses fragments that a column may hold
         ('array_nulls', 'on'),                  -- off reads the element NULL as a word of four letters
         ('standard_conforming_strings', 'on'),  -- a backslash in a literal is a backslash
         -- What is seen.
         ('row_security', 'off'),                -- pg_dump does: rows hidden by a policy are an error, not a gap
         ('synchronize_seqscans', 'off'),        -- pg_dump does: a scan begins at the first page
         ('restrict_nonsystem_relation_kind', 'view, foreign-table'), -- pg_dump does (CVE-2024-7348, minors since then)
         -- How long. A timeout meant for applications must not end a backup; ours are kept by us.
         ('statement_timeout', '0'),                   -- pg_dump does
         ('lock_timeout', '0'),                        -- pg_dump does
         ('idle_in_transaction_session_timeout', '0'), -- pg_dump does: the coordinator idles while others read
         ('idle_session_timeout', '0'),                -- since 14
         ('transaction_timeout', '0'),                 -- since 17; pg_dump does
         -- How soon the server notices that our host is gone: until then it keeps our locks and our snapshot. Its own
         -- default is two hours. A Unix socket knows none of them.
         ('tcp_keepalives_idle', '30'),
         ('tcp_keepalives_interval', '10'),
         ('tcp_keepalives_count', '6')
       ) as pinned(name, value)
  join pg_catalog.pg_settings as known on known.name = pinned.name
