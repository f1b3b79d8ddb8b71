-- one row: nothing; the materialised views of schema analysis are computed anew
select analysis.refresh()
