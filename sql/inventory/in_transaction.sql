-- One row: whether the marker set by the statement before is still there, which is so only inside a transaction block.
select coalesce(current_setting('unisys.inventory_marker', true), '') = 'on' as inside
