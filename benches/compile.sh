#!/usr/bin/env bash
# Prints how long an application of 40 entities takes to compile, plain and annotated: `cargo check` and `cargo build`, in
# seconds of CPU, each the median of five rebuilds without incremental compilation. Only the application is compiled anew.
#
# `bash benches/compile.sh [TREE…]` measures other checkouts of thorn as well, in turns with this one.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
entities=40 rounds=5
work="$(mktemp -d -t thorn-compile.XXXXXX)"
trap 'rm -rf "$work"' EXIT

# application NAME TREE ATTRIBUTE: writes a crate whose entities carry the attribute, or none if it is empty.
application() {
    local name="$1" tree="$2" attribute="$3" number package
    # The package's name was another one in 0.1.
    package="$(cargo metadata --no-deps --format-version 1 --manifest-path "$tree/Cargo.toml" |
        python3 -c 'import json, sys; print(next(p["name"] for p in json.load(sys.stdin)["packages"] if any(t["name"] == "thorn" and "lib" in t["kind"] for t in p["targets"])))')"
    mkdir -p "$work/$name/src"
    cp "$tree/Cargo.lock" "$work/$name"
    cat >"$work/$name/Cargo.toml" <<TOML
[package]
name = "app"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
sea-orm = { version = "2.0.4", default-features = false, features = ["macros", "runtime-tokio", "sqlx-sqlite", "with-chrono", "with-json", "with-uuid"] }
serde = { version = "1", features = ["derive"] }
thorn = { package = "$package", path = "$tree", default-features = false, features = ["sqlite"] }
TOML
    for ((number = 0; number < entities; number++)); do
        cat <<RUST
pub mod entity_$number {
    use sea_orm::entity::prelude::*;

    $attribute
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "entity_$number")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub body: Option<String>,
        pub views: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    $([[ -n $attribute ]] || echo "impl ActiveModelBehavior for ActiveModel {}")
}
RUST
    done >"$work/$name/src/lib.rs"
}

# cpu COMMAND…: runs it and prints the seconds of CPU that it and its children took.
cpu() { { TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }'; }
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

names=(plain)
application plain "$here" ""
for tree in "$here" "$@"; do
    tree="$(cd "$tree" && pwd)"
    name="annotated-$(git -C "$tree" rev-parse --short HEAD)"
    # Release 0.1 has no word for it.
    broadcast=
    if grep -rq '"broadcast"' "$tree/thorn-macros/src"; then broadcast=', broadcast'; fi
    application "$name" "$tree" \
        "#[thorn::webhook_model(on_create = \"article.created\", on_change = \"article.changed\", on_delete = \"article.removed\", payload = [id, title]$broadcast)]"
    names+=("$name")
done

export CARGO_INCREMENTAL=0
for name in "${names[@]}"; do
    for command in check build; do
        (cd "$work/$name" && CARGO_TARGET_DIR="$work/target" cargo "$command" --quiet)
    done
done
for ((round = 0; round < rounds; round++)); do
    for name in "${names[@]}"; do
        for command in check build; do
            touch "$work/$name/src/lib.rs"
            (cd "$work/$name" && CARGO_TARGET_DIR="$work/target" cpu cargo "$command" --quiet) >>"$work/$name.$command"
        done
    done
done
echo "| $entities entities | cargo check, CPU s | cargo build, CPU s |"
echo "|---|---|---|"
for name in "${names[@]}"; do
    echo "| $name | $(median <"$work/$name.check") | $(median <"$work/$name.build") |"
done
