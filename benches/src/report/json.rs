//! One file for each run, with what somebody needs to doubt or repeat it: the
//! machine, the commit and the command line. Files are never overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::results::RunResult;

/// What follows these on the command line is not written down.
const SECRETS: &[&str] = &["--token", "--vs-token"];
/// As is the value of an `--env` whose name says that it is one.
const SECRET_NAMES: &[&str] = &["SECRET", "KEY", "TOKEN", "PASSWORD"];
const REDACTED: &str = "…";
/// Of runs of one scenario against one target within one second.
const MOST_ALIKE: usize = 1_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Seconds since 1970.
    pub written_at: u64,
    pub machine: Machine,
    /// Of the server, where the person who ran it said which.
    pub commit: Option<String>,
    pub command: Vec<String>,
    pub result: RunResult,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub memory_bytes: u64,
}

impl Machine {
    /// What /proc does not tell stays empty.
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpu = value_of(&read("/proc/cpuinfo"), "model name");
        let memory = value_of(&read("/proc/meminfo"), "MemTotal");
        let kibibytes = memory.trim_end_matches(" kB").parse().unwrap_or(0_u64);
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_bytes: kibibytes * 1024,
        }
    }

    /// One line beneath a table.
    pub fn describe(&self) -> String {
        let gibibytes = self.memory_bytes as f64 / f64::from(1 << 30);
        format!(
            "{}, {} cores, {gibibytes:.0} GiB, Linux {}",
            self.cpu, self.cores, self.kernel
        )
    }
}

fn value_of(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

/// The command line without its secrets.
pub fn redacted(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut secret_follows = false;
    let redact = |argument: String| {
        if std::mem::take(&mut secret_follows) {
            return REDACTED.to_owned();
        }
        secret_follows = SECRETS.contains(&argument.as_str());
        match argument.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}"),
            Some(("--env", variable)) => format!("--env={}", without_secret(variable)),
            _ => without_secret(&argument),
        }
    };
    arguments.into_iter().map(redact).collect()
}

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

fn without_secret(variable: &str) -> String {
    match variable.split_once('=') {
        Some((name, _)) if SECRET_NAMES.iter().any(|secret| name.contains(secret)) => {
            format!("{name}={REDACTED}")
        }
        _ => variable.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a date on a report")]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Writes `scenario-target-time.json` and says where.
pub fn write(directory: &Path, record: &Record) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let (path, mut file) = create(directory, record)?;
    serde_json::to_writer_pretty(&mut file, record)?;
    file.write_all(b"\n")?;
    Ok(path)
}

fn create(directory: &Path, record: &Record) -> io::Result<(PathBuf, File)> {
    let name = format!(
        "{}-{}-{}",
        for_a_file(&record.result.scenario),
        for_a_file(&record.result.target),
        record.written_at
    );
    for attempt in 0..MOST_ALIKE {
        let path = directory.join(match attempt {
            0 => format!("{name}.json"),
            _ => format!("{name}-{attempt}.json"),
        });
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Targets are URLs, which are no file names.
fn for_a_file(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = text.chars().map(keep).take(60).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::tests::result;

    #[test]
    fn a_run_comes_back_as_it_was_written_and_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record {
            written_at: 1_700_000_000,
            machine: Machine::this(),
            commit: Some("abc".to_owned()),
            command: redacted(["bench".to_owned()]),
            result: result("one-to-many", "whip http://[::1]:80/"),
        };
        let first = write(directory.path(), &record).unwrap();
        let second = write(directory.path(), &record).unwrap();
        assert_eq!(
            first.file_name().unwrap(),
            "one-to-many-whip-http------1--80-1700000000.json"
        );
        assert_ne!(first, second);
        let read: Record = serde_json::from_slice(&fs::read(second).unwrap()).unwrap();
        assert_eq!(read.result.media.forwarded, record.result.media.forwarded);
        assert_eq!(read.commit, record.commit);
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::this();
        assert!(machine.cores > 0 && machine.memory_bytes > 0, "{machine:?}");
        assert!(!machine.kernel.is_empty());
    }

    #[test]
    fn secrets_are_not_written_down() {
        let arguments = [
            "bench",
            "--token",
            "eyJ",
            "--vs-token=eyJ",
            "--env",
            "CONVOKE_AUTH_JWT_SECRET=s",
            "--env=CONVOKE_API_KEYS=k",
            "--env",
            "CONVOKE_LOG=info",
            "--target",
            "whip=http://a/whip",
        ];
        assert_eq!(
            redacted(arguments.map(str::to_owned)),
            [
                "bench",
                "--token",
                "…",
                "--vs-token=…",
                "--env",
                "CONVOKE_AUTH_JWT_SECRET=…",
                "--env=CONVOKE_API_KEYS=…",
                "--env",
                "CONVOKE_LOG=info",
                "--target",
                "whip=http://a/whip",
            ]
        );
    }
}
