-- One row: sets a marker that lasts until the end of the transaction.
select set_config('unisys.inventory_marker', 'on', true)
