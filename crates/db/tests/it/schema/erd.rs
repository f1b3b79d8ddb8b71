//! The diagram in `docs/` is that of the schema.

use std::path::Path;

use unisys_db::erd::{Diagram, SCHEMAS};

use crate::support::{migrated, session};

/// `UPDATE_ERD=1 scripts/test the_diagram -p unisys-db` writes it anew.
#[tokio::test]
async fn the_diagram_in_the_documentation_is_up_to_date() {
    let session = session(&migrated().await).await;
    let diagram = Diagram::read(&session, &SCHEMAS).await.unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, text) in [("erd.svg", diagram.to_svg()), ("erd.mmd", diagram.to_mermaid())] {
        let path = docs.join(name);
        if std::env::var_os("UPDATE_ERD").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == text, "{name} is out of date: unisys-dba data erd docs");
    }
}

#[tokio::test]
async fn every_foreign_key_and_table_is_in_both() {
    let session = session(&migrated().await).await;
    let diagram = Diagram::read(&session, &SCHEMAS).await.unwrap();
    let (svg, mermaid) = (diagram.to_svg(), diagram.to_mermaid());
    assert!(diagram.entities.len() > 40 && diagram.references.len() > 100);
    for entity in &diagram.entities {
        assert!(svg.contains(&format!(">{}.{}<", entity.schema, entity.name)), "{}", entity.name);
    }
    assert_eq!(mermaid.lines().filter(|line| line.contains("--o")).count(), diagram.references.len());
    assert!(mermaid.contains("students |o--o{ library_loans : student_id"), "{mermaid}");
    assert!(mermaid.contains("users |o--o| students : user_id"), "{mermaid}");
    assert!(!svg.contains("audit_logs_y"), "partitions are part of their table");
}

#[tokio::test]
async fn names_are_escaped_and_circles_end() {
    let target = unisys_testkit::database_with(
        "create schema \"a<b\"; create table \"a<b\".\"x & y\" (id int primary key, other int);
        create table \"a<b\".z (id int primary key references \"a<b\".\"x & y\");
        alter table \"a<b\".\"x & y\" add foreign key (other) references \"a<b\".z;
        comment on table \"a<b\".z is 'it \"is\" <z>'",
    )
    .await;
    let session = session(&target).await;
    let svg = Diagram::read(&session, &["a<b"]).await.unwrap().to_svg();
    assert!(svg.contains("a&lt;b.x &amp; y") && svg.contains("it &quot;is&quot; &lt;z&gt;"), "{svg}");
    assert_eq!(svg.matches("class=\"line\"").count(), 2);
}
