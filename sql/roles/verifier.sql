-- One row: what the server keeps of a role's password.
select rolpassword as verifier
from pg_authid
where oid = $1
