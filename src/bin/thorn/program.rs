//! Logging, and the message and exit code at the end, for every command of the program.

use std::{
    io::{Write as _, stderr},
    process::ExitCode,
};

use thorn::{config::ConfigError, event::printable};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{FormatFields, format},
};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for settings or arguments that can't be used, as clap has it.
const MISUSE: u8 = 2;

/// Logs to stderr, by default at this level.
pub(crate) fn log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A line that can't be written is lost. By default its error would go to stderr as well, and panic.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .log_internal_errors(false)
        .fmt_fields(printable_fields())
        .init();
}

/// Writes the fields of a log line. Characters that act on a terminal are escaped, because data may hold them.
fn printable_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", printable(&value)),
            name => write!(writer, "{name}={}", printable(&value)),
        }
    })
    .delimited(" ")
}

/// Prints what failed and why, for a person, without a backtrace. Returns the exit code.
pub(crate) fn exit(program: &str, result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if let Some(ConfigError { variables }) = error.chain().find_map(|cause| cause.downcast_ref()) {
        // One line for each variable, and no other.
        variables.iter().for_each(|variable| say(&format!("{program}: {variable}")));
        return MISUSE.into();
    }
    say(&format!("{program}: {error}"));
    if let Some(cause) = error.chain().nth(1) {
        // A list of mistakes has several lines.
        cause.to_string().lines().for_each(say);
    }
    if error.chain().any(is_misuse) { MISUSE.into() } else { ExitCode::FAILURE }
}

fn is_misuse(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(thorn::Error::Option(_) | thorn::Error::Configuration(_)))
}

fn say(line: &str) {
    let _ = writeln!(stderr(), "{}", printable(line));
}
