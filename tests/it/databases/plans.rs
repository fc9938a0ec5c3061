//! EXPLAIN of what relays and histories ask again and again, among some thousand rows: nothing of it
//! reads a whole table.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::database::Place;

const EVENTS: u32 = 6000;

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
        let state = if open(n) { "waiting" } else { "delivered" };
        format!("({id}, {id}, {subscription}, '{state}', 2, {due}, {n})")
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
    let hex = format!("{n:032x}");
    if backend == DbBackend::Postgres { format!("'{hex}'") } else { format!("x'{hex}'") }
}

async fn seeded(place: &Place) -> DatabaseConnection {
    let db = place.connect().await;
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
pub(crate) async fn plan(db: &DatabaseConnection, sql: &str) -> (Vec<String>, Vec<String>) {
    let backend = db.get_database_backend();
    let explain = if backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let rows = db.query_all_raw(Statement::from_string(backend, format!("{explain} {sql}"))).await.unwrap();
    let step = |row: &sea_orm::QueryResult| match backend {
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
    let all = steps.iter().filter(reads_all).cloned().collect();
    (steps, all)
}

/// The statements of `relay/`, `dispatch/custom.rs` and `history/`, with what they are bound to.
pub(crate) fn statements(backend: DbBackend) -> Vec<(&'static str, String)> {
    let lock = if backend == DbBackend::Sqlite { "" } else { " FOR UPDATE SKIP LOCKED" };
    let (one, old) = (id(backend, 7), id(backend, 300));
    let some = (0..20).map(|n| id(backend, n)).collect::<Vec<_>>().join(", ");
    let over = format!(
        "SELECT id FROM thorn_event WHERE id < {old} AND created_at < 300 AND relayed_at IS NOT NULL AND audit_at IS NULL"
    );
    let waiting = "SELECT id FROM thorn_delivery WHERE thorn_delivery.event_id = thorn_event.id \
                   AND COALESCE(thorn_delivery.next_attempt_at, 0) > 0";
    let next = "SELECT subscription_id FROM thorn_delivery WHERE state = 'waiting' AND subscription_id > ";
    let waits = if backend == DbBackend::MySql { "next_attempt_at > 0" } else { "state = 'waiting'" };
    let due_of = format!(
        "SELECT * FROM (SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
         WHERE {waits} AND subscription_id = {one} ORDER BY next_attempt_at LIMIT 16) AS one"
    );
    vec![
        (
            "claim",
            format!(
                "SELECT * FROM thorn_event WHERE relayed_at IS NULL AND dispatcher IS NULL ORDER BY id LIMIT 500{lock}"
            ),
        ),
        (
            "dispatcher's claim",
            "SELECT * FROM thorn_event WHERE dispatcher = 'mine' AND relayed_at IS NULL ORDER BY id LIMIT 100".into(),
        ),
        ("marks", format!("UPDATE thorn_event SET fanout = 1 WHERE id IN ({some}) AND relayed_at IS NULL")),
        (
            "leases",
            format!(
                "UPDATE thorn_delivery SET next_attempt_at = 1 \
                 WHERE id IN ({some}) AND COALESCE(next_attempt_at, {}) <= 5999",
                i64::MAX
            ),
        ),
        (
            "due",
            "SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
             WHERE next_attempt_at <= (SELECT 5999) ORDER BY next_attempt_at LIMIT 1000"
                .into(),
        ),
        (
            "next subscriptions",
            match backend {
                DbBackend::MySql => format!(
                    "SELECT subscription_id AS id FROM thorn_delivery WHERE subscription_id > {one} \
                     GROUP BY subscription_id ORDER BY subscription_id LIMIT 32"
                ),
                _ => format!(
                    "WITH RECURSIVE waiting (id, n) AS (\
                       SELECT ({next}{one} ORDER BY subscription_id LIMIT 1), 1 \
                       UNION ALL SELECT ({next}waiting.id ORDER BY subscription_id LIMIT 1), n + 1 \
                       FROM waiting WHERE id IS NOT NULL AND n < 32\
                     ) SELECT id FROM waiting WHERE id IS NOT NULL"
                ),
            },
        ),
        ("due of some", vec![due_of.as_str(); 2].join(" UNION ALL ")),
        ("audit", "SELECT * FROM thorn_event WHERE audit_at <= 5999 ORDER BY audit_at LIMIT 200".into()),
        ("abandoned", "UPDATE thorn_event SET audit_at = NULL WHERE audit_at <= 5999 AND fanout IS NULL".into()),
        (
            "settled",
            "UPDATE thorn_event SET audit_at = NULL WHERE audit_at <= 5999 AND fanout <= \
             (SELECT COUNT(*) FROM thorn_delivery WHERE thorn_delivery.event_id = thorn_event.id)"
                .into(),
        ),
        ("over", format!("{over} AND NOT EXISTS ({waiting}) ORDER BY id LIMIT 200")),
        ("unheard", format!("{over} AND fanout = 0 ORDER BY id LIMIT 200")),
        ("history of an event", format!("SELECT * FROM thorn_delivery WHERE event_id = {one}")),
        (
            "history of a subscription",
            format!("SELECT * FROM thorn_delivery WHERE subscription_id = {one} ORDER BY created_at DESC LIMIT 100"),
        ),
        ("deletion of deliveries", format!("DELETE FROM thorn_delivery WHERE event_id IN ({some})")),
        ("deletion of events", format!("DELETE FROM thorn_event WHERE id IN ({some})")),
        (
            "deletion of attempts",
            match backend {
                DbBackend::MySql => format!(
                    "DELETE thorn_attempt FROM thorn_attempt \
                     JOIN thorn_delivery ON thorn_delivery.id = thorn_attempt.delivery_id WHERE event_id IN ({some})"
                ),
                _ => format!(
                    "DELETE FROM thorn_attempt \
                     WHERE delivery_id IN (SELECT id FROM thorn_delivery WHERE event_id IN ({one}))"
                ),
            },
        ),
        ("unrelayed", "SELECT COUNT(*) FROM thorn_event WHERE relayed_at IS NULL AND dispatcher IS NULL".into()),
        ("waiting", "SELECT COUNT(*) FROM thorn_delivery WHERE next_attempt_at IS NOT NULL".into()),
    ]
}

#[tokio::test]
async fn no_statement_of_a_relay_or_a_history_reads_a_whole_table() {
    let place = Place::new().await;
    let db = seeded(&place).await;
    let (steps, all) = plan(&db, "SELECT * FROM thorn_event WHERE body = 'nowhere'").await;
    assert_eq!(all.len(), 1, "the test sees it where it happens: {steps:?}");
    let mut wrong = Vec::new();
    for (what, sql) in statements(db.get_database_backend()) {
        let (steps, all) = plan(&db, &sql).await;
        if !all.is_empty() {
            wrong.push(format!("{what}: {steps:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
