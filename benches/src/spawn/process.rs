//! A server as a child process: started on its cores, awaited by the line that it
//! prints when it is ready, and gone when the load tester is, however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::Cores;

/// A loaded machine starts a server in seconds.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// Of a server's last words, when it did not start.
const LAST_WORDS: u64 = 4_000;
/// Lines that a server may print before it is awaited.
const LINES: usize = 1_000;

#[derive(Debug)]
pub struct Spawned {
    child: Child,
    lines: Receiver<String>,
    /// Where its stderr goes.
    log: File,
}

impl Spawned {
    /// Call it from a thread that lives as long as the server shall: the kernel ends
    /// the server with it.
    pub(super) fn start(command: &mut Command, cores: Option<&Cores>) -> anyhow::Result<Self> {
        let log = tempfile::tempfile().context("no room for the server's log")?;
        let cores = cores.cloned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?);
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(move || {
                // A generator that is killed must not leave servers behind.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                cores.as_ref().map_or(Ok(()), Cores::pin)
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        Ok(Self {
            child,
            lines: read_lines(stdout),
            log,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What `wanted` makes of the first line that it takes.
    pub(super) fn await_line<T>(
        &mut self,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut said = String::new();
        loop {
            match self.lines.recv_timeout(STARTS_WITHIN) {
                Ok(line) => match wanted(&line) {
                    Some(found) => return Ok(found),
                    None => said = line,
                },
                Err(RecvTimeoutError::Timeout) => {
                    return Err(anyhow!("the server is not ready in time: {said}"));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let words = self.last_words();
                    return Err(anyhow!("the server ended at once: {said} {words}"));
                }
            }
        }
    }

    fn last_words(&mut self) -> String {
        let mut words = String::new();
        let length = self.log.metadata().map_or(0, |log| log.len());
        let from = SeekFrom::Start(length.saturating_sub(LAST_WORDS));
        // What cannot be read is not worth another error.
        if self.log.seek(from).is_ok() {
            let _ = (&self.log).take(LAST_WORDS).read_to_string(&mut words);
        }
        words
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // Nothing of it is kept, and already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whatever it prints later must not block it, so reading goes on when nobody asks.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            let _ = sender.try_send(line);
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> anyhow::Result<Spawned> {
        Spawned::start(Command::new("sh").args(["-c", script]), None)
    }

    #[test]
    fn a_server_is_awaited_and_ended() {
        let mut server = shell("echo hello; echo ready: 7; sleep 600").unwrap();
        let number = server.await_line(|line| line.strip_prefix("ready: ")?.parse::<u32>().ok());
        assert_eq!(number.unwrap(), 7);
        let proc = format!("/proc/{}", server.pid());
        assert!(std::path::Path::new(&proc).exists());
        drop(server);
        assert!(!std::path::Path::new(&proc).exists());
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let mut server = shell("echo no such option >&2; exit 1").unwrap();
        let error = server.await_line(|_| None::<()>).unwrap_err().to_string();
        assert!(error.contains("ended at once") && error.contains("no such option"));
        let missing = Spawned::start(&mut Command::new("/no/such/program"), None);
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .contains("/no/such/program")
        );
    }
}
