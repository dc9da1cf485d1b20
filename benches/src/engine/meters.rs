//! Instruments on the two processes of a run: the server under load, and ourselves.

use std::io;

use crate::measure::ProcessMeter;
use crate::results::ProcessUse;

/// A thread that is on its core for more of the time than this may itself be what
/// limits the run.
const BUSY: f64 = 0.85;

pub(super) struct Meters {
    server: Option<ProcessMeter>,
    generator: ProcessMeter,
    /// Processor time of both at the last glance.
    last: (f64, f64),
}

impl Meters {
    /// Before the first participant comes.
    pub(super) fn start(server: Option<u32>) -> io::Result<Self> {
        Ok(Self {
            server: server.map(ProcessMeter::start).transpose()?,
            generator: ProcessMeter::start(std::process::id())?,
            last: (0.0, 0.0),
        })
    }

    pub(super) fn begin_window(&mut self) -> io::Result<()> {
        if let Some(server) = &mut self.server {
            server.begin_window()?;
        }
        self.generator.begin_window()?;
        self.last = (0.0, 0.0);
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

    /// Since the window began.
    pub(super) fn sample(&mut self) -> io::Result<(Option<ProcessUse>, ProcessUse)> {
        let server = self.server.as_mut().map(ProcessMeter::sample).transpose()?;
        Ok((server, self.generator.sample()?))
    }
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
