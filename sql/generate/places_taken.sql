-- no row: each offering is told how many of its places are taken; one that is overfull gets as many as it needs
update app.course_offerings as o
set taken = c.taken, capacity = greatest(o.capacity, case when o.capacity is not null then c.taken end)
from (
    select course_id, academic_session_id, count(*)::int4 as taken
    from app.course_enrollments
    where status <> 'dropped'
    group by course_id, academic_session_id
) as c
where (o.course_id, o.academic_session_id) = (c.course_id, c.academic_session_id)
