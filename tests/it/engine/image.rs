//! `Dockerfile` and `docker-compose.yml`, as far as they can be checked without Docker.

use std::{collections::BTreeSet, path::Path, process::Command};

use thorn::Config;

use super::server::Server;
use crate::{conformance::root, process};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The words of the first line that begins with this.
fn words<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(beginning));
    line.unwrap_or_else(|| panic!("no line begins with {beginning:?}")).split_whitespace().collect()
}

/// The word after this one.
fn after<'a>(words: &[&'a str], word: &str) -> &'a str {
    words[words.iter().position(|one| *one == word).unwrap() + 1]
}

#[test]
fn the_image_builds_the_program_with_features_that_there_are_and_copies_it_from_where_it_is_built() {
    let (dockerfile, manifest) = (read("Dockerfile"), read("Cargo.toml"));
    let build = words(&dockerfile, "RUN cargo build");
    assert!(build.contains(&"--release") && build.contains(&"--locked") && root().join("Cargo.lock").exists());
    assert!(manifest.contains(&format!("[[bin]]\nname = {:?}\n", after(&build, "--bin"))));
    let features = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    for feature in after(&build, "--features").split(',') {
        assert!(features.contains(&format!("\n{feature} = ")), "{feature}");
    }
    let copied = words(&dockerfile, "COPY --from=build");
    assert_eq!(copied, ["/thorn/target/release/thorn", "/usr/local/bin/thorn"]);
    assert_eq!(words(&dockerfile, "ENTRYPOINT"), ["[\"thorn\"]"]);
    let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(words(&dockerfile, "FROM")[0].starts_with(&format!("rust:{oldest}-")), "{oldest}");
    let ignored = read(".dockerignore");
    for needed in ["Cargo.lock", "src", "thorn-core", "thorn-axum", "thorn-macros", "tests", "benches", "README.md"] {
        assert!(ignored.lines().all(|line| line != needed) && root().join(needed).exists(), "{needed}");
    }
}

#[test]
fn every_variable_and_every_command_of_both_files_is_the_program_s() {
    let both = read("Dockerfile") + &read("docker-compose.yml");
    let known = Config::server_variables_help();
    let is_of_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let names = both.split(|c: char| !is_of_name(c)).filter(|word| word.starts_with("THORN_"));
    // The tests' own, in a comment.
    let names: BTreeSet<_> = names.filter(|name| !name.starts_with("THORN_TEST_")).collect();
    assert!(names.contains("THORN_LISTEN") && names.contains("THORN_QUEUE_URL"), "{names:?}");
    for name in names {
        assert!(known.contains(&format!("{name} ")), "{name}");
    }
    let commands = both.lines().filter_map(|line| line.trim().strip_prefix("command: ["));
    let commands = commands.map(|line| line.trim_end_matches(']').split(", ").collect::<Vec<_>>());
    let commands: Vec<_> = commands.filter(|command| command[0] != "redis-server").collect();
    assert_eq!(commands, [vec!["server", "--no-worker"], vec!["worker"]]);
    for command in commands.into_iter().chain([vec!["key", "create", "--scope", "publish,read,resend,hooks"]]) {
        // With `--help`, clap refuses an option that there isn't, and nothing else happens.
        let mut thorn = process::program(Path::new(env!("CARGO_BIN_EXE_thorn")), "sqlite::memory:");
        let output = process::output(thorn.args(&command).arg("--help"));
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

#[tokio::test]
async fn the_image_s_health_check_succeeds_while_the_server_answers_and_fails_otherwise() {
    let dockerfile = read("Dockerfile");
    let check = dockerfile.split("HEALTHCHECK").nth(1).unwrap();
    let check = &check[check.find('[').unwrap()..=check.find(']').unwrap()];
    let check: Vec<String> = serde_json::from_str(&check.replace("\\\n", "")).unwrap();
    assert!(check[2].contains("/8080 "), "{check:?}");
    let (server, _) = Server::start().await;
    let healthy = |path: &str| {
        let port = format!("/{} ", server.port);
        let words = check.iter().map(|word| word.replace("/8080 ", &port).replace("/healthz", path));
        let words: Vec<_> = words.collect();
        process::output(Command::new(&words[0]).args(&words[1..])).status.success()
    };
    assert!(healthy("/healthz"));
    assert!(!healthy("/nothing"), "another status than 200");
}
