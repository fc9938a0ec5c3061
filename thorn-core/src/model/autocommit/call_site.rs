//! The line of the application that called a method of SeaORM.

use std::backtrace::Backtrace;

/// The innermost line outside SeaORM that called it, as `file:line:column`. `None` if the program has no debug
/// information.
pub(super) fn outside_sea_orm() -> Option<String> {
    find(&Backtrace::force_capture().to_string())
}

/// Reads a printed backtrace: lines with a function's name, each followed by a line with its place.
fn find(backtrace: &str) -> Option<String> {
    let mut name = "";
    let mut seen_sea_orm = false;
    for line in backtrace.lines().map(str::trim) {
        let Some(place) = line.strip_prefix("at ") else {
            name = line;
            continue;
        };
        if name.contains("sea_orm::") && is_library(place) {
            seen_sea_orm = true;
        } else if seen_sea_orm && !is_library(place) {
            return Some(place.to_owned());
        }
    }
    None
}

/// Whether a place is in the standard library or a dependency.
fn is_library(place: &str) -> bool {
    ["/rustc/", "/.cargo/", "/registry/src/"].iter().any(|folder| place.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::find;

    const PRINTED: &str = "
   0: thorn_core::model::autocommit::check
             at ./thorn-core/src/model/autocommit.rs:20:5
   1: <app::article::ActiveModel as sea_orm::entity::active_model::ActiveModelBehavior>::before_save::{{closure}}
             at ./src/article.rs:11:5
   2: sea_orm::entity::active_model::ActiveModelTrait::insert::{{closure}}
             at /root/.cargo/registry/src/index/sea-orm-2.0.4/src/entity/active_model.rs:231:75
   3: core::future::future::Future::poll
             at /rustc/0123/library/core/src/future/future.rs:133:9
   4: app::repository::add::{{closure}}
             at ./src/repository.rs:42:19
   5: app::main
             at ./src/main.rs:3:5";

    #[test]
    fn the_caller_of_sea_orm_is_found_behind_the_hook() {
        assert_eq!(find(PRINTED).as_deref(), Some("./src/repository.rs:42:19"));
        assert_eq!(find("   0: sea_orm::insert\n   1: app::main"), None, "without debug information");
    }
}
