-- unisys:owner app_owner

create table app.innovation_projects (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    title text not null,
    description text,
    problem_statement text,
    objectives text,
    expected_outcomes text,
    status text not null default 'draft',
    start_date date,
    end_date date,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint innovation_projects_pkey primary key (id),
    constraint innovation_projects_institution_key unique (institution_id, id),
    constraint innovation_projects_title_check check (title <> ''),
    constraint innovation_projects_status_check check (
        status in ('draft', 'submitted', 'in_review', 'approved', 'rejected', 'in_progress', 'completed')),
    constraint innovation_projects_dates_check check (end_date >= start_date),
    constraint innovation_projects_started_check
        check (status not in ('in_progress', 'completed') or start_date is not null),
    constraint innovation_projects_completed_check check (status <> 'completed' or end_date is not null),
    constraint innovation_projects_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.innovation_projects is 'One row: a project of students and staff, from draft to completion';
create index innovation_projects_status_idx on app.innovation_projects (institution_id, status);

create table app.project_members (
    institution_id uuid not null,
    project_id uuid not null,
    user_id uuid not null,
    role text not null,
    joined_date date not null,
    left_date date,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint project_members_pkey primary key (project_id, user_id, role),
    constraint project_members_role_check check (role in ('leader', 'member', 'mentor', 'advisor')),
    constraint project_members_dates_check check (left_date >= joined_date),
    constraint project_members_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint project_members_project_fkey
        foreign key (institution_id, project_id) references app.innovation_projects (institution_id, id),
    constraint project_members_user_fkey foreign key (user_id) references app.users (id) on delete cascade
);
comment on table app.project_members is 'One row: somebody has a part in a project';
create index project_members_user_idx on app.project_members (user_id);
create index project_members_institution_idx on app.project_members (institution_id);
create unique index project_members_leader_key on app.project_members (project_id)
    where role = 'leader' and left_date is null;

create table app.project_milestones (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    project_id uuid not null,
    title text not null,
    description text,
    due_date date not null,
    completed_date date,
    status text not null default 'pending',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint project_milestones_pkey primary key (id),
    constraint project_milestones_title_check check (title <> ''),
    constraint project_milestones_status_check check (status in ('pending', 'in_progress', 'completed', 'delayed')),
    constraint project_milestones_completed_check check ((status = 'completed') = (completed_date is not null)),
    constraint project_milestones_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint project_milestones_project_fkey
        foreign key (institution_id, project_id) references app.innovation_projects (institution_id, id)
);
comment on table app.project_milestones is 'One row: what a project is to reach by a day';
create index project_milestones_project_idx on app.project_milestones (project_id, due_date);
create index project_milestones_institution_idx on app.project_milestones (institution_id);
create index project_milestones_due_idx on app.project_milestones (due_date) where status <> 'completed';

select app.track('app.innovation_projects');
select app.track('app.project_members');
select app.track('app.project_milestones');
