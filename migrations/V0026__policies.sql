-- unisys:owner app_owner
-- One line a table: what is seen, what may be written. `app_user` deletes nothing.

do $$
declare
    staff constant text := 'institution_id = any ((select app.staff_institutions())::uuid[])';
    everybody constant text := 'institution_id = any ((select app.acting_institutions())::uuid[])';
    my_student constant text := 'student_id = (select app.acting_student())';
    me constant text := '(select app.acting_user())';
    promoter constant text := '(select app.may(''users.promote''))';
    roles_manager constant text := '(select app.may(''roles.manage''))';
    nobody constant text := null;
begin
    -- people: their own rows, and all rows of the institution for its staff. Staff make no superusers, nor change them.
    perform app.protect('app.users', format('id = %s or %s or %s', me, staff, promoter),
        format('%s and not is_superuser or %s', staff, promoter));
    perform app.protect('app.students', format('user_id = %s or %s', me, staff), staff);
    perform app.protect('app.enrollments', my_student || ' or ' || staff, staff);
    perform app.protect('app.course_enrollments', my_student || ' or ' || staff, staff);
    perform app.protect('app.payments', my_student || ' or ' || staff, staff);
    perform app.protect('app.attendance', my_student || ' or ' || staff, staff);
    perform app.protect('app.library_loans', format('%s or user_id = %s or %s', my_student, me, staff), staff);
    perform app.protect('app.project_members', format('user_id = %s or %s', me, staff), staff);
    perform app.protect('app.report_executions', format('executed_by = %s or %s', me, staff), staff);
    perform app.protect('app.sessions', format('user_id = %s', me), nobody);
    perform app.protect('app.audit_logs',
        format('user_id = %s or %s or institution_id is null and (select app.may(''audit.view''))', me, staff), nobody);
    alter table app.audit_logs_default enable row level security;

    -- roles: everybody reads what there is, and who has what where it is their own
    perform app.protect('app.user_roles', format('user_id = %s or %s', me, roles_manager), roles_manager);
    perform app.protect('app.user_permissions', format('user_id = %s or %s', me, roles_manager), nobody);
    perform app.protect('app.roles', me || ' is not null', roles_manager);
    perform app.protect('app.permissions', me || ' is not null', roles_manager);
    perform app.protect('app.role_permissions', me || ' is not null', roles_manager);

    -- the institution's catalogue: everybody there reads it, its staff keep it
    perform app.protect(name::regclass, everybody, staff)
    from unnest(array['app.faculties', 'app.departments', 'app.programs', 'app.courses', 'app.academic_sessions',
        'app.course_prerequisites', 'app.course_offerings', 'app.library_items', 'app.library_copies',
        'app.innovation_projects', 'app.project_milestones']) as name;
    perform app.protect('app.institutions', 'id = any ((select app.acting_institutions())::uuid[])',
        'id = any ((select app.staff_institutions())::uuid[])');
    perform app.protect('app.report_definitions', staff || ' or institution_id is null and (select app.may(''reports.run''))', staff);
    perform app.protect('app.receipt_counters', staff, nobody);
    perform app.protect('app.system_configurations', me || ' is not null', '(select app.may(''settings.manage''))');
end
$$;
