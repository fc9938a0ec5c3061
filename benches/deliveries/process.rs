//! Runs processes and reads their resource use from `/proc`.

use std::{
    fs::read_to_string,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

/// The worker program with its default settings.
pub(crate) struct Worker(Child);

impl Worker {
    /// `certificate` is a file with the only certificate that the worker trusts.
    pub(crate) fn start(database_url: &str, queue_url: Option<&str>, certificate: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        // Runs the worker under a profiler, for example `THORN_BENCH_UNDER="valgrind --tool=callgrind"`.
        if let Ok(under) = std::env::var("THORN_BENCH_UNDER") {
            let mut words = under.split_whitespace();
            command = Command::new(words.next().unwrap_or("env"));
            command.args(words).arg(env!("CARGO_BIN_EXE_worker"));
        }
        command.env("DATABASE_URL", database_url).env("THORN_ALLOW_NETWORKS", "127.0.0.0/8");
        command.env("SSL_CERT_FILE", certificate);
        if let Some(url) = queue_url {
            command.env("THORN_QUEUE_URL", url);
        }
        Self::spawn(&mut command)
    }

    /// Starts any program that delivers until it gets SIGTERM.
    pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        let status = self.0.wait()?;
        anyhow::ensure!(status.success(), "the worker ended with {status}");
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU seconds that a process and its children have used.
pub(crate) fn cpu_with_children(pid: u32) -> anyhow::Result<f64> {
    let mut seconds = cpu(pid)?;
    for entry in Path::new("/proc").read_dir()?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if parent(child) == Some(pid) {
            // If the child has just ended, its time now counts as its parent's.
            seconds += cpu(child).unwrap_or(0.0);
        }
    }
    Ok(seconds)
}

/// CPU seconds that a process and its finished children have used.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().context("no name")?.split_whitespace();
    // The fields utime, stime, cutime and cstime, in hundredths of a second.
    let ticks: f64 = fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// The id of the process that started this one.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// The present and the peak memory of a process, in MiB.
pub(crate) fn memory(pid: u32) -> anyhow::Result<(f64, f64)> {
    let status = read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).context("no such figure")?;
        Ok(line.split_whitespace().nth(1).context("no value")?.parse::<f64>()? / 1024.0)
    };
    Ok((of("VmRSS:")?, of("VmHWM:")?))
}
