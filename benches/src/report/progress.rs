//! What a person sees while it runs: one line, rewritten each second on a terminal,
//! and plain lines where stderr is a file or a pipe.

use std::io::{self, IsTerminal as _, Write};

use super::text::{percent, significant, thousands};
use crate::results::Sample;

/// To the line's begin, and what stood there erased.
const REWRITE: &str = "\r\x1b[K";

pub struct Progress {
    out: Box<dyn Write + Send>,
    rewrites: bool,
    /// Something stands on the line that the next one replaces.
    pending: bool,
    label: String,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Progress {
    pub fn to_stderr() -> Self {
        Self::new(Box::new(io::stderr()), io::stderr().is_terminal())
    }

    fn new(out: Box<dyn Write + Send>, rewrites: bool) -> Self {
        Self {
            out,
            rewrites,
            pending: false,
            label: String::new(),
        }
    }

    /// Which run the next samples are of.
    pub fn begin(&mut self, label: impl Into<String>) {
        self.label = label.into();
        self.step("joining");
    }

    /// What is going on while there is nothing to measure.
    pub fn step(&mut self, what: &str) {
        let line = format!("{}: {what}", self.label);
        self.replace(&line);
    }

    pub fn sample(&mut self, sample: &Sample) {
        let line = format!("{}: {}", self.label, describe(sample));
        self.replace(&line);
    }

    /// A line that stays.
    pub fn say(&mut self, line: &str) {
        self.replace(line);
        self.finish();
    }

    /// The last line stays, and whatever follows begins on its own.
    pub fn finish(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.write("\n");
        }
    }

    fn replace(&mut self, line: &str) {
        if self.rewrites {
            self.pending = true;
            // A line that wraps would leave its beginning behind.
            let fits: String = line.chars().take(width()).collect();
            self.write(&format!("{REWRITE}{fits}"));
        } else {
            self.write(&format!("{line}\n"));
        }
    }

    /// Nobody left to read is no reason to end a run.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Columns of the terminal on stderr.
fn width() -> usize {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `size` is a winsize, which is all that this request writes to.
    let known = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    match size.ws_col {
        columns if known == 0 && columns > 0 => usize::from(columns),
        _ => usize::MAX,
    }
}

fn describe(sample: &Sample) -> String {
    let sent = sample.forwarded_per_second + sample.lost_per_second;
    let loss = if sent > 0.0 {
        sample.lost_per_second / sent
    } else {
        0.0
    };
    format!(
        "{:.0} s, {} participants, {} packets/s, loss {}, p99 {} ms, server {:.2} and generator {:.2} cores",
        sample.at,
        sample.participants,
        thousands(sample.forwarded_per_second),
        percent(loss),
        significant(sample.latency_p99_ms),
        sample.server_cpu,
        sample.generator_cpu,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(rewrites: bool) -> String {
        let screen = Screen::default();
        let mut progress = Progress::new(Box::new(screen.clone()), rewrites);
        progress.begin("audio-room convoke");
        progress.sample(&Sample {
            at: 3.0,
            participants: 50,
            forwarded_per_second: 122_500.0,
            lost_per_second: 1_000.0,
            latency_p99_ms: 1.23,
            server_cpu: 0.25,
            generator_cpu: 0.75,
            ..Sample::default()
        });
        progress.say("done");
        drop(progress);
        let bytes = screen.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const LINE: &str = "audio-room convoke: 3 s, 50 participants, 122,500 packets/s, \
        loss 0.81 %, p99 1.23 ms, server 0.25 and generator 0.75 cores";

    #[test]
    fn a_file_gets_lines() {
        assert_eq!(
            shown(false),
            format!("audio-room convoke: joining\n{LINE}\ndone\n")
        );
    }

    #[test]
    fn a_terminal_gets_one_line_rewritten() {
        assert_eq!(
            shown(true),
            format!("{REWRITE}audio-room convoke: joining{REWRITE}{LINE}{REWRITE}done\n")
        );
    }
}
