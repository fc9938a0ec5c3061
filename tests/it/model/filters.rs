//! `when` and `only_if_changed`.

use sea_orm::{IntoActiveModel, Set};

use super::entities::article::{self, State, draft};
use crate::app::TestApp;

mod account {
    use std::sync::LazyLock;

    use sea_orm::entity::prelude::*;
    use thorn::{Q, model::Field};

    const LIMIT: i64 = 100;

    /// As if it came from a configuration.
    static RULE: LazyLock<Q> =
        LazyLock::new(|| r#"{"balance": {"now_gt": 1000}, "not": {"nickname": {"startswith": "q"}}}"#.parse().unwrap());

    fn is_round(balance: Field<'_, i64>) -> bool {
        balance.new.is_some_and(|balance| balance % 100 == 0)
    }

    #[thorn::webhook_model(
        on_create(event = "account.rich", when = balance.gt(LIMIT)),
        on_change(event = "account.different", only_if_changed),
        on_delete(event = "account.closed", when = nickname.is_not_null()),
        on_low(event = "account.low", on = change, when = balance.now_lt(0) && !nickname.eq("test")),
        on_named(event = "account.named", on = change, when = nickname.now_is_not_null() || nickname.now_ne("old")),
        on_round(event = "account.round", on = change, when = is_round(balance)),
        on_rows(event = "account.rows", on = change, when = old.is_some_and(|old| old.balance < new.balance)),
        on_ruled(event = "account.ruled", on = change, when = RULE.matches_rows(new, old)),
        on_macro(event = "account.macro", on = change, when = matches!(balance.new, Some(7))),
        on_born(event = "account.born", on = create, when = balance.now_eq(1) && nickname.changed()),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub balance: i64,
        pub nickname: Option<String>,
    }
}

async fn account(balance: i64, nickname: Option<&str>) -> (TestApp, account::Model) {
    let test = TestApp::new().await.table(account::Entity).await;
    let nickname = Set(nickname.map(str::to_owned));
    let row = account::ActiveModel { balance: Set(balance), nickname, ..Default::default() };
    let row = row.insert(test.db()).await.unwrap();
    (test, row)
}

async fn change(balance: (i64, i64), nickname: (Option<&str>, Option<&str>)) -> Vec<String> {
    let (test, row) = account(balance.0, nickname.0).await;
    test.forget().await;
    let mut row = row.into_active_model();
    row.balance = Set(balance.1);
    row.nickname = Set(nickname.1.map(str::to_owned));
    row.update(test.db()).await.unwrap();
    test.names().await
}

#[tokio::test]
async fn thorn_021_an_event_fires_if_its_filter_holds() {
    assert_eq!(account(101, None).await.0.names().await, ["account.rich"]);
    assert!(account(100, None).await.0.names().await.is_empty());
    for (nickname, expected) in [(Some("a"), vec!["account.closed"]), (None, vec![])] {
        let (test, row) = account(0, nickname).await;
        row.delete(test.db()).await.unwrap();
        assert_eq!(test.names().await, expected);
    }
}

#[tokio::test]
async fn thorn_040_a_transition_fires_once() {
    let test = TestApp::new().await.table(article::Entity).await;
    let article = draft("a").insert(test.db()).await.unwrap();
    test.forget().await;
    for _ in 0..2 {
        let mut article = article.clone().into_active_model();
        article.state = Set(State::Published);
        article.update(test.db()).await.unwrap();
    }
    assert_eq!(test.names().await, ["article.changed", "article.published", "article.changed"]);
}

#[tokio::test]
async fn thorn_049_tests_combine_with_and_or_not() {
    assert_eq!(change((5, -1), (None, None)).await, ["account.different", "account.low"]);
    assert_eq!(change((5, -1), (Some("test"), Some("test"))).await, ["account.different"]);
    assert_eq!(change((-2, -1), (None, None)).await, ["account.different", "account.rows"]);
}

#[tokio::test]
async fn transitions_of_nullable_columns() {
    assert_eq!(change((5, 5), (None, Some("a"))).await, ["account.different", "account.named"]);
    assert_eq!(change((5, 5), (Some("old"), Some("a"))).await, ["account.different", "account.named"]);
    assert_eq!(change((5, 5), (Some("old"), None)).await, ["account.different", "account.named"]);
    assert_eq!(change((5, 5), (Some("a"), Some("b"))).await, ["account.different"]);
}

#[tokio::test]
async fn thorn_062_only_if_changed_asks_for_a_difference() {
    assert!(change((5, 5), (Some("a"), Some("a"))).await.is_empty());
}

#[tokio::test]
async fn functions_macros_and_whole_rows_are_filters_too() {
    assert_eq!(change((500, 200), (None, None)).await, ["account.different", "account.round"]);
    assert_eq!(change((9, 7), (None, None)).await, ["account.different", "account.macro"]);
    assert_eq!(change((5, 6), (None, None)).await, ["account.different", "account.rows"]);
}

#[tokio::test]
async fn thorn_074_a_transition_on_create_has_no_previous_version_and_fires() {
    assert_eq!(account(1, Some("a")).await.0.names().await, ["account.born"]);
    assert!(account(1, None).await.0.names().await.is_empty());
}

#[tokio::test]
async fn thorn_039_a_filter_that_is_data_sees_both_rows() {
    for (balance, nickname, expected) in [
        ((2001, 1001), Some("a"), false),
        ((5, 1001), Some("a"), true),
        ((5, 1001), None, true),
        ((5, 1001), Some("q"), false),
    ] {
        let fired = change(balance, (nickname, nickname)).await;
        assert_eq!(fired.contains(&"account.ruled".to_owned()), expected, "{balance:?} {nickname:?} {fired:?}");
        assert!(fired.contains(&"account.different".to_owned()));
    }
    let rule: thorn::Q = r#"{"balance": 1, "nick": 2, "not": {"titel.x": 3}}"#.parse().unwrap();
    assert_eq!(rule.unknown_columns::<account::Entity>(), ["nick", "titel"]);
}
