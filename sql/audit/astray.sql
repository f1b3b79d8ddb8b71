-- one row: a month whose rows lie in the default partition, and how many they are
select month, rows from app.audit_months_astray()
