-- One row: a role and what kind of password it has; never the verifier.
select oid, case when rolpassword is null then 'none' when rolpassword ~ '^SCRAM-SHA-256\$' then 'scram' else 'md5' end as password
from pg_authid
