//! Every kind of object a database can hold, there and back.

use unisys_ops::drill;

use crate::support::{Place, execute};

#[tokio::test(flavor = "multi_thread")]
async fn the_zoo_comes_back_equal_in_either_layout() {
    let place = Place::new();
    let server =
        unisys_testkit::own_server(unisys_testkit::free_port(), unisys_testkit::SHARED_SETTINGS).unwrap();
    let source = server.server().target("postgres");
    execute(&source, include_str!("../../../testkit/fixtures/zoo_tablespace.sql")).await;
    execute(&source, unisys_testkit::ZOO_CLUSTER).await;
    execute(&source, "create database zoo template template0").await;
    let source = source.with_database("zoo");
    execute(&source, unisys_testkit::ZOO).await;
    for layout in [unisys_ops::backup::Layout::Parallel, unisys_ops::backup::Layout::Single] {
        let mut options = place.backup_options(&source);
        options.layout = layout;
        let backup = unisys_ops::backup::run(&place.store, options).await.unwrap();
        let record = drill::run(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
        assert_eq!(record.differences, Vec::<String>::new(), "{layout:?}");
    }
}
