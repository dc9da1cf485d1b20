//! What a process used, from /proc: the server's, which is the figure compared, and
//! the generator's own, which tells whether the figure can be believed.
//!
//! Processor time is each thread's `schedstat`, in nanoseconds on a processor;
//! `stat` counts in ticks of 10 ms, but it knows the threads that came and went
//! between two samples, so what it counts beyond the others is added.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::results::ProcessUse;

/// `stat` rounds user and system time down, at the window's begin and at its end.
const TICKS_ROUNDED: f64 = 3.0;

#[derive(Debug)]
pub struct ProcessMeter {
    proc: PathBuf,
    ticks_per_second: f64,
    threads: BTreeMap<u32, Thread>,
    /// Of threads that have ended.
    ended: Counters,
    ended_busiest: f64,
    /// Of threads that came and went between two samples.
    unseen_seconds: f64,
    ticks_at_begin: f64,
    rss_idle_bytes: u64,
}

/// What one thread has used of a processor since the window began.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadCpu {
    pub tid: u32,
    pub name: String,
    pub seconds: f64,
}

#[derive(Debug)]
struct Thread {
    name: String,
    begin: Counters,
    last: Counters,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    cpu_nanoseconds: u64,
    context_switches: u64,
}

impl Thread {
    fn used(&self) -> Counters {
        self.last.since(self.begin)
    }
}

impl Counters {
    fn since(self, begin: Self) -> Self {
        Self {
            cpu_nanoseconds: self.cpu_nanoseconds - begin.cpu_nanoseconds,
            context_switches: self.context_switches.saturating_sub(begin.context_switches),
        }
    }

    fn add(&mut self, other: Self) {
        self.cpu_nanoseconds += other.cpu_nanoseconds;
        self.context_switches += other.context_switches;
    }

    fn cpu_seconds(self) -> f64 {
        self.cpu_nanoseconds as f64 / 1e9
    }
}

impl ProcessMeter {
    /// Begins a window, and takes the memory of now for that of an idle process:
    /// start it before the first participant comes.
    pub fn start(pid: u32) -> io::Result<Self> {
        let mut meter = Self {
            proc: PathBuf::from(format!("/proc/{pid}")),
            ticks_per_second: ticks_per_second(),
            threads: BTreeMap::new(),
            ended: Counters::default(),
            ended_busiest: 0.0,
            unseen_seconds: 0.0,
            ticks_at_begin: 0.0,
            rss_idle_bytes: 0,
        };
        meter.begin_window()?;
        meter.rss_idle_bytes = meter.rss_bytes()?;
        Ok(meter)
    }

    /// Measures from now on, once everybody has joined; the idle memory stays.
    pub fn begin_window(&mut self) -> io::Result<()> {
        self.threads.clear();
        self.ended = Counters::default();
        self.ended_busiest = 0.0;
        self.unseen_seconds = 0.0;
        self.read_threads()?;
        for thread in self.threads.values_mut() {
            thread.begin = thread.last;
        }
        self.ticks_at_begin = self.ticks()?;
        Ok(())
    }

    /// What was used since the window began. Sampling each second is cheap, and
    /// makes what an ended thread used exact to its last sample.
    pub fn sample(&mut self) -> io::Result<ProcessUse> {
        self.read_threads()?;
        let mut used = self.ended;
        let mut busiest = self.ended_busiest;
        for thread in self.threads.values() {
            used.add(thread.used());
            busiest = busiest.max(thread.used().cpu_seconds());
        }
        Ok(ProcessUse {
            cpu_seconds: used.cpu_seconds() + self.look_for_unseen(used.cpu_seconds())?,
            busiest_thread_cpu_seconds: busiest,
            context_switches: used.context_switches,
            rss_bytes: self.rss_bytes()?,
            rss_idle_bytes: self.rss_idle_bytes,
        })
    }

    /// As of the last sample, of the threads that were alive then, busiest first.
    pub fn cpu_seconds_per_thread(&self) -> Vec<ThreadCpu> {
        let mut threads: Vec<ThreadCpu> = self
            .threads
            .iter()
            .map(|(tid, thread)| ThreadCpu {
                tid: *tid,
                name: thread.name.clone(),
                seconds: thread.used().cpu_seconds(),
            })
            .collect();
        threads.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        threads
    }

    /// What `stat` counts beyond the threads that samples saw.
    fn look_for_unseen(&mut self, seen: f64) -> io::Result<f64> {
        let total = (self.ticks()? - self.ticks_at_begin) / self.ticks_per_second;
        let unseen = total - seen;
        if unseen > TICKS_ROUNDED / self.ticks_per_second {
            self.unseen_seconds = self.unseen_seconds.max(unseen);
        }
        Ok(self.unseen_seconds)
    }

    fn read_threads(&mut self) -> io::Result<()> {
        let mut before = std::mem::take(&mut self.threads);
        for entry in fs::read_dir(self.proc.join("task"))? {
            let path = entry?.path();
            let Some(tid) = tid_of(&path) else { continue };
            // It may end between the listing and the reading; its last value stays.
            let Ok(now) = read_counters(&path) else {
                continue;
            };
            let known = before
                .remove(&tid)
                .and_then(|thread| self.same_thread(thread, now));
            let thread = match known {
                Some(thread) => thread,
                None => Thread {
                    name: name_of(&path),
                    begin: Counters::default(),
                    last: now,
                },
            };
            self.threads.insert(tid, thread);
        }
        for thread in before.into_values() {
            self.retire(&thread);
        }
        Ok(())
    }

    /// The known thread brought up to date, unless its number went to another.
    fn same_thread(&mut self, mut thread: Thread, now: Counters) -> Option<Thread> {
        if now.cpu_nanoseconds < thread.last.cpu_nanoseconds {
            self.retire(&thread);
            return None;
        }
        thread.last = now;
        Some(thread)
    }

    fn retire(&mut self, thread: &Thread) {
        self.ended.add(thread.used());
        self.ended_busiest = self.ended_busiest.max(thread.used().cpu_seconds());
    }

    /// User and system time of all threads, the ended too.
    fn ticks(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(self.proc.join("stat"))?;
        // The name stands in parentheses and may itself contain some, and spaces.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut times = fields.split_ascii_whitespace().skip(11);
        match (
            times.next().map(str::parse::<f64>),
            times.next().map(str::parse::<f64>),
        ) {
            (Some(Ok(user)), Some(Ok(system))) => Ok(user + system),
            _ => Err(malformed("stat")),
        }
    }

    fn rss_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.proc.join("status"))?;
        let kibibytes = field(&status, "VmRSS:").ok_or_else(|| malformed("status"))?;
        Ok(kibibytes * 1024)
    }
}

fn tid_of(task: &Path) -> Option<u32> {
    task.file_name()?.to_str()?.parse().ok()
}

fn name_of(task: &Path) -> String {
    let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn read_counters(task: &Path) -> io::Result<Counters> {
    let schedstat = fs::read_to_string(task.join("schedstat"))?;
    let status = fs::read_to_string(task.join("status"))?;
    let cpu = schedstat.split_ascii_whitespace().next();
    let voluntary = field(&status, "voluntary_ctxt_switches:");
    let involuntary = field(&status, "nonvoluntary_ctxt_switches:");
    Ok(Counters {
        cpu_nanoseconds: cpu
            .and_then(|cpu| cpu.parse().ok())
            .ok_or_else(|| malformed("schedstat"))?,
        context_switches: voluntary.unwrap_or(0) + involuntary.unwrap_or(0),
    })
}

/// The number of a line such as `VmRSS:  1234 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn malformed(file: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("/proc's {file} is not as known"),
    )
}

fn ticks_per_second() -> f64 {
    // SAFETY: sysconf reads no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn thread_cpu() -> Duration {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a timespec, which is all that the call writes to.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn spin(for_cpu: Duration) {
        let until = thread_cpu() + for_cpu;
        while thread_cpu() < until {
            black_box(0);
        }
    }

    fn spinning(
        name: &str,
    ) -> (
        mpsc::Receiver<()>,
        mpsc::Sender<()>,
        std::thread::JoinHandle<()>,
    ) {
        let (spun, has_spun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            spin(Duration::from_millis(120));
            spun.send(()).unwrap();
            let _ = ended.recv();
        });
        (has_spun, end, thread.unwrap())
    }

    #[test]
    fn a_thread_that_spins_is_seen_by_name_and_kept_when_it_ends() {
        let mut meter = ProcessMeter::start(std::process::id()).unwrap();
        let (has_spun, end, thread) = spinning("spinner");
        has_spun.recv().unwrap();
        let used = meter.sample().unwrap();
        assert!(used.cpu_seconds >= 0.11, "{used:?}");
        assert!(used.busiest_thread_cpu_seconds >= 0.11, "{used:?}");
        assert!(used.rss_bytes > 0 && used.rss_idle_bytes > 0);
        let threads = meter.cpu_seconds_per_thread();
        let spinner = threads.iter().find(|thread| thread.name == "spinner");
        assert!(spinner.unwrap().seconds >= 0.11, "{threads:?}");

        drop(end);
        thread.join().unwrap();
        let after = meter.sample().unwrap();
        assert!(after.cpu_seconds >= used.cpu_seconds, "{after:?}");
        assert!(after.busiest_thread_cpu_seconds >= 0.11);
        assert!(after.context_switches >= used.context_switches);

        meter.begin_window().unwrap();
        let fresh = meter.sample().unwrap();
        assert!(fresh.cpu_seconds < used.cpu_seconds, "{fresh:?}");
        assert_eq!(fresh.rss_idle_bytes, used.rss_idle_bytes);
    }

    #[test]
    fn a_thread_that_no_sample_saw_is_in_the_total() {
        let mut meter = ProcessMeter::start(std::process::id()).unwrap();
        let (has_spun, end, thread) = spinning("unseen");
        has_spun.recv().unwrap();
        drop(end);
        thread.join().unwrap();
        let used = meter.sample().unwrap();
        assert!(used.cpu_seconds >= 0.09, "{used:?}");
    }

    #[test]
    fn no_such_process_is_an_error() {
        assert!(ProcessMeter::start(u32::MAX).is_err());
    }
}
