//! EXPLAIN of what a worker and a history ask again and again, as they really ask it, among thousands of
//! rows: nothing of it reads a whole table.

mod observed;

pub(crate) use observed::statements;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

use thorn_test_support::Place;

const EVENTS: u32 = 12_000;

/// Each has an event, most of which are over.
fn rows(backend: DbBackend) -> [(&'static str, Vec<String>); 3] {
    let open = |n: u32| n > EVENTS - 60;
    let null_unless = |yes: bool, value: String| if yes { value } else { "NULL".to_owned() };
    let event = |n: u32| {
        let (id, relayed) = (id(backend, n), null_unless(!open(n) || n.is_multiple_of(3), n.to_string()));
        let audit = null_unless(open(n) && n.is_multiple_of(3), n.to_string());
        let dispatcher = null_unless(n % 3 == 1, "'mine'".to_owned());
        let (fanout, no) =
            (u32::from(!n.is_multiple_of(100)), if backend == DbBackend::Postgres { "false" } else { "0" });
        format!("({id}, 'a.b', {no}, '{{}}', {n}, {relayed}, {fanout}, {audit}, {dispatcher})")
    };
    let delivery = |n: u32| {
        let (id, subscription) = (id(backend, n), id(backend, n % 500));
        let due = null_unless(open(n), n.to_string());
        format!("({id}, {id}, {subscription}, 'delivered', 2, {due}, {n})")
    };
    let attempt = |n: u32| format!("({}, 1)", id(backend, n));
    [
        (
            "thorn_event (id, name, broadcast, body, created_at, relayed_at, fanout, audit_at, dispatcher)",
            (0..EVENTS).map(event).collect(),
        ),
        (
            "thorn_delivery (id, event_id, subscription_id, state, attempts, next_attempt_at, created_at)",
            (0..EVENTS).map(delivery).collect(),
        ),
        ("thorn_attempt (delivery_id, number)", (0..EVENTS).map(attempt).collect()),
    ]
}

/// A UUID as a literal.
fn id(backend: DbBackend, n: u32) -> String {
    crate::app::literal(backend, sea_orm::prelude::Uuid::from_u128(n.into()))
}

async fn seeded(place: &Place) -> DatabaseConnection {
    let db = thorn::connect(&place.url).await.unwrap();
    thorn::migrate(&db).await.unwrap();
    for (table, rows) in rows(db.get_database_backend()) {
        for rows in rows.chunks(1000) {
            db.execute_unprepared(&format!("INSERT INTO {table} VALUES {}", rows.join(", "))).await.unwrap();
        }
    }
    let analyze = match db.get_database_backend() {
        DbBackend::MySql => "ANALYZE TABLE thorn_event, thorn_delivery, thorn_attempt",
        _ => "ANALYZE",
    };
    db.execute_unprepared(analyze).await.unwrap();
    db
}

/// The steps of a statement's plan, and those that read a whole table.
pub(crate) async fn plan(db: &DatabaseConnection, statement: &Statement) -> (Vec<String>, Vec<String>) {
    let backend = db.get_database_backend();
    let explain = if backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let statement = match backend {
        // It plans for the values only if it is given them with the text.
        // A text has to name the type of an array. All of these statements' arrays are of ids.
        DbBackend::Postgres => {
            Statement::from_string(backend, format!("{explain} {statement}").replace("])", "]::uuid[])"))
        }
        _ => Statement { sql: format!("{explain} {}", statement.sql), ..statement.clone() },
    };
    let rows = db.query_all_raw(statement).await.unwrap();
    let step = |row: &QueryResult| match backend {
        DbBackend::Sqlite => row.try_get("", "detail").unwrap(),
        DbBackend::Postgres => row.try_get_by_index(0).unwrap(),
        _ => {
            let column = |name| row.try_get::<Option<String>>("", name).unwrap().unwrap_or_default();
            format!("{} {} {}", column("type"), column("table"), column("key"))
        }
    };
    let steps: Vec<String> = rows.iter().map(step).collect();
    let reads_all = |step: &&String| match backend {
        DbBackend::Sqlite => step.starts_with("SCAN thorn_") && !step.contains("INDEX"),
        DbBackend::Postgres => step.contains("Seq Scan on thorn_"),
        _ => step.starts_with("ALL thorn_"),
    };
    let large = |step: &&String| observed::LARGE.iter().any(|table| step.contains(table));
    let all = steps.iter().filter(reads_all).filter(large).cloned().collect();
    (steps, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_a_relay_or_a_history_reads_a_whole_table() {
    let statements = statements().await;
    let place = Place::new().await;
    let db = seeded(&place).await;
    let control = "SELECT * FROM thorn_event WHERE body = 'nowhere'";
    let (steps, all) = plan(&db, &Statement::from_string(db.get_database_backend(), control)).await;
    assert_eq!(all.len(), 1, "the test sees it where it happens: {steps:?}");
    let mut wrong = Vec::new();
    for (what, statement) in statements {
        let (steps, all) = plan(&db, &statement).await;
        if !all.is_empty() {
            wrong.push(format!("{what}: {statement}: {steps:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_look_their_events_up_by_id_even_if_the_statistics_are_old() {
    let statements = statements().await;
    let (_, marks) = statements.iter().find(|(what, _)| *what == "marks").unwrap();
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    thorn::migrate(&db).await.unwrap();
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        // The table was nearly empty when it was last analyzed, and nothing analyzes it during the test.
        db.execute_unprepared("ANALYZE; ALTER TABLE thorn_event SET (autovacuum_enabled = false)").await.unwrap();
    }
    let no = if backend == DbBackend::Postgres { "false" } else { "0" };
    let waiting: Vec<_> = (0..EVENTS).map(|n| format!("({}, 'a.b', {no}, '{{}}', {n})", id(backend, n))).collect();
    for rows in waiting.chunks(1000) {
        let sql = format!("INSERT INTO thorn_event (id, name, broadcast, body, created_at) VALUES {}", rows.join(", "));
        db.execute_unprepared(&sql).await.unwrap();
    }
    let (steps, _) = plan(&db, marks).await;
    let key = match backend {
        DbBackend::Sqlite => "sqlite_autoindex_thorn_event_1",
        DbBackend::Postgres => "thorn_event_pkey",
        _ => "PRIMARY",
    };
    assert!(steps.iter().any(|step| step.contains(key)), "{steps:#?}");
}
