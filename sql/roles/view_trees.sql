-- One row: a view that reads as its owner without a security barrier, and its parsed query; without what has no condition anywhere.
select w.ev_class as relation, w.ev_action::text as tree
from pg_rewrite w
join pg_class c on c.oid = w.ev_class and c.relkind = 'v'
where w.oid >= 16384 and w.rulename = '_RETURN' and position(':quals {' in w.ev_action::text) > 0
    and not exists (select from pg_options_to_table(c.reloptions) o
        where o.option_name in ('security_invoker', 'security_barrier') and o.option_value::bool)
