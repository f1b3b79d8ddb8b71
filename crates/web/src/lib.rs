//! `unisys-web`: the companion web application; empty until its issue.
