-- unisys:owner app_owner
-- The roles and permissions the web application relies on. Their ids are the same everywhere.

insert into app.roles (id, name, description, is_system) values
    ('00000000-0000-4000-8000-000000000001', 'Admin', 'Runs the system: accounts, roles, settings, backups', true),
    ('00000000-0000-4000-8000-000000000002', 'Faculty', 'Teaches: courses, grades, attendance', true),
    ('00000000-0000-4000-8000-000000000003', 'Student', 'Studies: sees what is their own', true),
    ('00000000-0000-4000-8000-000000000004', 'Librarian', 'Keeps the library: titles, copies, loans', true);

insert into app.permissions (id, resource, action, description, is_system)
select md5(p.resource || '.' || p.action)::uuid, p.resource, p.action, p.description, true
from (values
    ('users', 'view', 'See accounts'),
    ('users', 'manage', 'Make and change accounts'),
    ('users', 'promote', 'Make an account a superuser'),
    ('roles', 'manage', 'Give and take roles, and say what they may'),
    ('settings', 'manage', 'Change settings'),
    ('backups', 'manage', 'See, make and download backups; clear tables'),
    ('audit', 'view', 'Read the audit log'),
    ('students', 'view', 'See students and their records'),
    ('students', 'manage', 'Make and change students and their enrolments'),
    ('courses', 'view', 'See programmes and courses'),
    ('courses', 'manage', 'Make and change programmes and courses'),
    ('grades', 'manage', 'Enter grades'),
    ('attendance', 'manage', 'Enter attendance'),
    ('payments', 'view', 'See payments'),
    ('payments', 'manage', 'Enter payments'),
    ('library', 'view', 'See titles and copies'),
    ('library', 'manage', 'Keep titles, copies and loans'),
    ('projects', 'view', 'See innovation projects'),
    ('projects', 'manage', 'Make and change innovation projects'),
    ('reports', 'run', 'Run reports'),
    ('own', 'view', 'See what is one''s own')
) as p (resource, action, description);

insert into app.role_permissions (role_id, permission_id)
select r.id, p.id
from app.roles as r
join (values
    ('Admin', '.'),
    ('Faculty', '^(own|courses|library|projects|students|payments)[.]view$|^(grades|attendance|projects)[.]manage$|^reports'),
    ('Student', '^(own|courses|library|projects)[.]view$'),
    ('Librarian', '^(own|courses)[.]view$|^library[.]')
) as m (role, pattern) on m.role = r.name
join app.permissions as p on p.name ~ m.pattern;

insert into app.system_configurations (key, value, description, is_system) values
    ('retention.archive_after_years', '5', 'Academic records older than this move to the archive', true),
    ('retention.purge_users_after_days', '30', 'Deleted accounts are removed for good after this', true),
    ('library.loan_days', '28', 'How long a copy is lent', true),
    ('attendance.minimum_percent', '75', 'Below this share of meetings a student is told', true);
