//! Instruments on the two processes of a run: the server under load, and ourselves.

use std::io;
use std::time::Duration;

use crate::measure::ProcessMeter;
use crate::results::ProcessUse;

use super::policy::NapShare;

/// A thread that is on its core for more of the time than this may itself be what
/// limits the run.
const BUSY: f64 = 0.85;

/// A process whose threads wait longer than this for a core shares it, and its latency
/// is the scheduler's.
const CROWDED: f64 = 0.05;

pub(super) struct Meters {
    server: Option<ProcessMeter>,
    generator: ProcessMeter,
    /// Processor time of both at the last glance.
    last: (f64, f64),
    server_pid: Option<u32>,
    /// How long both had waited for a core when the window began.
    waited_before: (Duration, Duration),
}

impl Meters {
    /// Before the first participant comes.
    pub(super) fn start(server: Option<u32>) -> io::Result<Self> {
        Ok(Self {
            server: server.map(ProcessMeter::start).transpose()?,
            generator: ProcessMeter::start(std::process::id())?,
            last: (0.0, 0.0),
            server_pid: server,
            waited_before: Default::default(),
        })
    }

    pub(super) fn begin_window(&mut self) -> io::Result<()> {
        if let Some(server) = &mut self.server {
            server.begin_window()?;
        }
        self.generator.begin_window()?;
        self.last = (0.0, 0.0);
        self.waited_before = self.waited();
        Ok(())
    }

    /// Cores of the server and of the generator since the last glance.
    pub(super) fn glance(&mut self, seconds: f64) -> io::Result<(f64, f64)> {
        let (server, generator) = self.sample()?;
        let used = (server.map_or(0.0, |s| s.cpu_seconds), generator.cpu_seconds);
        let last = std::mem::replace(&mut self.last, used);
        let seconds = seconds.max(f64::MIN_POSITIVE);
        Ok(((used.0 - last.0) / seconds, (used.1 - last.1) / seconds))
    }

    fn waited(&self) -> (Duration, Duration) {
        let server = self.server_pid.map(waited_for_a_core);
        (
            server.unwrap_or_default(),
            waited_for_a_core(std::process::id()),
        )
    }

    /// What other load on the machine makes doubtful, since the window began.
    pub(super) fn warnings(&self, seconds: f64) -> Vec<String> {
        let now = self.waited();
        let parts = [
            ("server", now.0.saturating_sub(self.waited_before.0)),
            ("generator", now.1.saturating_sub(self.waited_before.1)),
        ];
        let share = |waited: Duration| waited.as_secs_f64() / seconds.max(f64::MIN_POSITIVE);
        let crowded = parts.iter().filter(|(_, waited)| share(*waited) > CROWDED);
        crowded
            .map(|(who, waited)| {
                format!(
                    "the {who} waited for a core {:.0} % of the time: something else had it",
                    share(*waited) * 100.0
                )
            })
            .collect()
    }

    /// Since the window began.
    pub(super) fn sample(&mut self) -> io::Result<(Option<ProcessUse>, ProcessUse)> {
        let server = self.server.as_mut().map(ProcessMeter::sample).transpose()?;
        Ok((server, self.generator.sample()?))
    }
}

/// Of all threads that a process has now, by the second number of their schedstat:
/// nanoseconds that they could have run and did not.
fn waited_for_a_core(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let waited = |task: std::fs::DirEntry| -> Option<u64> {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    // A process that has gone waits for nothing.
    let all = tasks.into_iter().flatten().flatten().filter_map(waited);
    Duration::from_nanos(all.sum())
}

/// What the generator's own load makes doubtful.
pub(super) fn generator_warning(used: &ProcessUse, seconds: f64) -> Option<String> {
    let load = used.busiest_thread_cpu_seconds / seconds.max(f64::MIN_POSITIVE);
    (load > BUSY).then(|| {
        format!(
            "the generator was the bottleneck: a thread of it was busy {:.0} % of the time",
            load * 100.0
        )
    })
}

/// What clients that were woken for each packet make doubtful.
pub(super) fn nap_warning(naps: &[NapShare]) -> Option<String> {
    let is_awake = |naps: &&NapShare| naps.due > 0.5 && naps.napped < naps.due / 2.0;
    let NapShare { napped, due } = naps.iter().find(is_awake)?;
    Some(format!(
        "a thread of the generator napped {:.0} % of the time and should have {:.0} %: on one \
         machine its wake-ups are in the server's time",
        napped * 100.0,
        due * 100.0
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_did_not_nap_is_warned_of_if_much_came() {
        let naps = |napped, due| NapShare { napped, due };
        assert_eq!(nap_warning(&[naps(0.0, 0.0), naps(0.9, 1.0)]), None);
        let warning = nap_warning(&[naps(1.0, 1.0), naps(0.1, 1.0)]).unwrap();
        assert!(warning.contains("napped 10 % of the time"), "{warning}");
    }
}
