-- one row: the day it is, in UTC
select (now() at time zone 'UTC')::date as today
