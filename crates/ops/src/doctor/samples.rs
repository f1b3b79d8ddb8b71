//! Facts without a fault, for tests that break one of them.

use unisys_db::catalog::DatabaseFacts;
use unisys_db::preflight::{Contents, Login, Preflight};

pub(super) fn preflight() -> Preflight {
    Preflight {
        database: DatabaseFacts {
            name: "app".into(),
            owner: "owner".into(),
            encoding: "UTF8".into(),
            collate: "C".into(),
            ctype: "C".into(),
            provider: "c".into(),
            locale: None,
            icu_rules: None,
            collation_version: None,
            connection_limit: -1,
            comment: None,
            grants: None,
            settings: Vec::new(),
            system_identifier: "1".into(),
            bootstrap_role: "postgres".into(),
            server_version: "15.19".into(),
            server_version_num: 150_019,
            standby: false,
            bytes: 1_000_000_000,
        },
        login: Login {
            name: "dba".into(),
            superuser: false,
            bypasses_rls: false,
            connection_limit: -1,
            reads_password_hashes: true,
        },
        unreadable: Vec::new(),
        with_policies: Vec::new(),
        tables: 10,
        locks_per_transaction: 64,
        lock_holders: 100,
        connections: 100,
        large_objects: 0,
        unreadable_large_objects: 0,
        extensions: Vec::new(),
        contents: Contents::default(),
        standby: None,
        data_directory: None,
    }
}
