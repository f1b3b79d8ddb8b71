//! Which tables are generated, with which columns, in which order.

use super::{campus, courses, imports, library, past, people, projects, records};
use crate::TableName;

/// A generated table. The number is part of every row's seed, so it stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Institutions = 0,
    Users = 1,
    Programs = 2,
    Courses = 3,
    Sessions = 4,
    Students = 5,
    Enrollments = 6,
    Payments = 7,
    Attendance = 8,
    Faculties = 9,
    Departments = 10,
    Prerequisites = 11,
    Offerings = 12,
    CourseEnrollments = 13,
    UserRoles = 14,
    SignIns = 15,
    Items = 16,
    Copies = 17,
    Loans = 18,
    Projects = 19,
    Members = 20,
    Milestones = 21,
    Reports = 22,
    ReportRuns = 23,
    ArchivedEnrollments = 24,
    ArchivedCourseEnrollments = 25,
    ArchivedPayments = 26,
    ArchivedAttendance = 27,
    LoadRuns = 28,
    StagingStudents = 29,
    StagingCourses = 30,
    StagingPayments = 31,
    StagingAttendance = 32,
    RejectedRows = 33,
}

impl Table {
    /// In the order of loading; an owner's tables side by side. Archived receipts come before those in use.
    pub(crate) const ALL: [Self; 34] = [
        Self::Institutions,
        Self::Users,
        Self::UserRoles,
        Self::SignIns,
        Self::Faculties,
        Self::Departments,
        Self::Programs,
        Self::Courses,
        Self::Prerequisites,
        Self::Sessions,
        Self::Offerings,
        Self::Students,
        Self::Enrollments,
        Self::CourseEnrollments,
        Self::ArchivedEnrollments,
        Self::ArchivedCourseEnrollments,
        Self::ArchivedPayments,
        Self::ArchivedAttendance,
        Self::Payments,
        Self::Attendance,
        Self::Items,
        Self::Copies,
        Self::Loans,
        Self::Projects,
        Self::Members,
        Self::Milestones,
        Self::Reports,
        Self::ReportRuns,
        Self::LoadRuns,
        Self::StagingStudents,
        Self::StagingCourses,
        Self::StagingPayments,
        Self::StagingAttendance,
        Self::RejectedRows,
    ];

    pub(crate) fn name(self) -> TableName {
        TableName::new(if self.is_import() { "etl" } else { "app" }, self.definition().0)
    }

    fn is_import(self) -> bool {
        self as u64 >= Self::LoadRuns as u64
    }

    /// Whether its rows are lines of files, written all at once.
    pub(crate) fn is_staging(self) -> bool {
        matches!(
            self,
            Self::StagingStudents | Self::StagingCourses | Self::StagingPayments | Self::StagingAttendance
        )
    }

    /// The columns written, in order. The others keep their default.
    pub(crate) fn columns(self) -> &'static str {
        self.definition().1
    }

    fn definition(self) -> (&'static str, &'static str) {
        match self {
            Self::Institutions => ("institutions", people::INSTITUTION),
            Self::Users => ("users", people::USER),
            Self::UserRoles => ("user_roles", campus::USER_ROLE),
            Self::SignIns => ("sessions", campus::SIGN_IN),
            Self::Faculties => ("faculties", campus::FACULTY),
            Self::Departments => ("departments", campus::DEPARTMENT),
            Self::Programs => ("programs", courses::PROGRAM),
            Self::Courses => ("courses", courses::COURSE),
            Self::Prerequisites => ("course_prerequisites", courses::PREREQUISITE),
            Self::Sessions => ("academic_sessions", courses::SESSION),
            Self::Offerings => ("course_offerings", courses::OFFERING),
            Self::Students => ("students", people::STUDENT),
            Self::Enrollments => ("enrollments", records::ENROLLMENT),
            Self::CourseEnrollments => ("course_enrollments", courses::COURSE_ENROLLMENT),
            Self::Payments => ("payments", records::PAYMENT),
            Self::Attendance => ("attendance", records::ATTENDANCE),
            Self::Items => ("library_items", library::ITEM),
            Self::Copies => ("library_copies", library::COPY),
            Self::Loans => ("library_loans", library::LOAN),
            Self::Projects => ("innovation_projects", projects::PROJECT),
            Self::Members => ("project_members", projects::MEMBER),
            Self::Milestones => ("project_milestones", projects::MILESTONE),
            Self::Reports => ("report_definitions", projects::REPORT),
            Self::ReportRuns => ("report_executions", projects::REPORT_RUN),
            Self::ArchivedEnrollments => ("archived_enrollments", past::ENROLLMENT),
            Self::ArchivedCourseEnrollments => ("archived_course_enrollments", past::COURSE_ENROLLMENT),
            Self::ArchivedPayments => ("archived_payments", past::PAYMENT),
            Self::ArchivedAttendance => ("archived_attendance", past::ATTENDANCE),
            Self::LoadRuns => ("load_runs", imports::RUN),
            Self::StagingStudents => ("staging_students", imports::STUDENT),
            Self::StagingCourses => ("staging_courses", imports::COURSE),
            Self::StagingPayments => ("staging_payments", imports::PAYMENT),
            Self::StagingAttendance => ("staging_attendance", imports::ATTENDANCE),
            Self::RejectedRows => ("rejected_rows", imports::REJECTED),
        }
    }
}

/// Tables whose rows follow from the generated ones: emptied with them, and filled by the database itself.
pub(crate) const DERIVED: [&str; 2] = ["user_permissions", "receipt_counters"];
