-- one row: how many users have permissions, computed from their roles
select app.refresh_user_permissions()
