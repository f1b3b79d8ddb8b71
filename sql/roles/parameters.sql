-- One row: a configuration parameter that something was granted on (15 and later). It belongs to the superuser of initdb.
select p.oid, p.parname as name, 10::oid as owner, p.paracl::text[] as acl
from pg_parameter_acl p
order by p.parname collate "C"
