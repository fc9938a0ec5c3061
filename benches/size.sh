#!/usr/bin/env bash
# Prints what thorn adds to an application: bytes of the stripped release binary, crates, and seconds to build.
#
# It builds one small application three times: without thorn, with thorn and its REST API, and with the feature `delivery`
# and a worker inside. Every build begins without any crate, so all of it takes about ten minutes.
set -euo pipefail
thorn="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d -t thorn-size.XXXXXX)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cp "$thorn/Cargo.lock" "$work"
cat >"$work/Cargo.toml" <<TOML
[package]
name = "size"
version = "0.1.0"
edition = "2024"

[workspace]

[features]
hooks = ["dep:thorn"]
delivery = ["hooks", "thorn/delivery"]

[dependencies]
axum = { version = "0.8", default-features = false, features = ["http1", "json", "tokio"] }
sea-orm = { version = "2.0.4", default-features = false, features = ["macros", "runtime-tokio", "sqlx-sqlite", "with-chrono", "with-json", "with-uuid"] }
serde = { version = "1", features = ["derive"] }
thorn = { package = "thorn-webhooks", path = "$thorn", default-features = false, features = ["sqlite"], optional = true }
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }

[profile.release]
strip = true
TOML
cat >"$work/src/main.rs" <<'RUST'
use axum::{Json, Router, extract::State, routing::post};
#[allow(unused_imports, reason = "the attribute brings methods of the same names")]
use sea_orm::ActiveModelTrait;
use sea_orm::{DatabaseConnection, Set};

mod article {
    use sea_orm::entity::prelude::*;

    #[cfg_attr(feature = "hooks", thorn::webhook_model(on_create = "article.created", payload = [id, title], broadcast))]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }

    #[cfg(not(feature = "hooks"))]
    impl ActiveModelBehavior for ActiveModel {}
}

async fn create(State(db): State<DatabaseConnection>) -> Json<article::Model> {
    let article = article::ActiveModel { title: Set("x".into()), ..Default::default() };
    Json(article.insert(&db).await.unwrap())
}

#[cfg(feature = "hooks")]
struct User;

#[cfg(feature = "hooks")]
impl<S: Send + Sync> axum::extract::FromRequestParts<S> for User {
    type Rejection = thorn::Unauthenticated;

    async fn from_request_parts(_: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(User)
    }
}

#[cfg(feature = "hooks")]
impl thorn::Caller for User {
    fn access(&self) -> thorn::subscription::Access<'_> {
        thorn::subscription::Access::Owner("1")
    }
}

#[tokio::main]
async fn main() {
    #[cfg(not(feature = "hooks"))]
    let db = sea_orm::Database::connect("sqlite://size.db?mode=rwc").await.unwrap();
    #[cfg(feature = "hooks")]
    let db = thorn::connect("sqlite://size.db").await.unwrap();
    let app = Router::new().route("/", post(create));
    #[cfg(feature = "hooks")]
    let (app, _thorn) = {
        thorn::migrate(&db).await.unwrap();
        let thorn = thorn::Thorn::builder(db.clone()).build().await.unwrap();
        #[cfg(feature = "delivery")]
        let _worker = thorn.start_worker().await.unwrap();
        (app.merge(thorn::hooks::<User>(&thorn)), thorn)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    axum::serve(listener, app.with_state(db)).await.unwrap();
}
RUST

cd "$work"
export CARGO_TARGET_DIR="$work/target"
echo "| | binary, MB | crates | build, s |"
echo "|---|---|---|---|"
for features in "" hooks delivery; do
    rm -rf "$CARGO_TARGET_DIR"
    cargo fetch --quiet
    started=$SECONDS
    cargo build --release --quiet --features "$features"
    seconds=$((SECONDS - started))
    crates="$(cargo tree --features "$features" --edges normal,build --prefix none | sed 's/ (\*)$//' | sort -u | wc -l)"
    bytes="$(stat -c %s target/release/size)"
    echo "| ${features:-without thorn} | $((bytes / 1000000)).$((bytes / 100000 % 10)) | $crates | $seconds |"
done
