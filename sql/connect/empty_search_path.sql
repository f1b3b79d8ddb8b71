-- one row: the emptied search path; first of all, so that no later query can be given an impostor's operator
select pg_catalog.set_config('search_path', '', false)
