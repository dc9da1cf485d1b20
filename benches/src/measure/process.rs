//! What a process used: the server's, which is the figure compared, and the generator's
//! own, which tells whether the figure can be believed.
//!
//! Processor time is the process's own clock, in nanoseconds: all of its threads, also
//! those that have ended, at one moment. Which thread was busiest, and how often they were
//! switched, is read from /proc, thread by thread.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::results::ProcessUse;

#[derive(Debug)]
pub struct ProcessMeter {
    proc: PathBuf,
    clock: libc::clockid_t,
    threads: BTreeMap<u32, Thread>,
    /// Of threads that have ended.
    ended: Counters,
    ended_busiest: f64,
    used_at_begin: Duration,
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
            clock: clock_of(pid)?,
            threads: BTreeMap::new(),
            ended: Counters::default(),
            ended_busiest: 0.0,
            used_at_begin: Duration::ZERO,
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
        self.read_threads()?;
        for thread in self.threads.values_mut() {
            thread.begin = thread.last;
        }
        self.used_at_begin = read_clock(self.clock)?;
        Ok(())
    }

    /// What was used since the window began. Sampling each second is cheap, and
    /// tells how busy a thread was that has ended since.
    pub fn sample(&mut self) -> io::Result<ProcessUse> {
        let cpu = read_clock(self.clock)?.saturating_sub(self.used_at_begin);
        self.read_threads()?;
        let mut used = self.ended;
        let mut busiest = self.ended_busiest;
        for thread in self.threads.values() {
            used.add(thread.used());
            busiest = busiest.max(thread.used().cpu_seconds());
        }
        Ok(ProcessUse {
            cpu_seconds: cpu.as_secs_f64(),
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

/// That counts a process's time on processors, user and system.
fn clock_of(pid: u32) -> io::Result<libc::clockid_t> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
    let mut clock = 0;
    // SAFETY: `clock` is a clockid_t, which is all that the call writes to.
    match unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } {
        0 => Ok(clock),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn read_clock(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec, which is all that the call writes to.
    match unsafe { libc::clock_gettime(clock, &raw mut time) } {
        0 => Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32)),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::mpsc;

    use super::*;

    fn thread_cpu() -> Duration {
        read_clock(libc::CLOCK_THREAD_CPUTIME_ID).unwrap()
    }

    fn spin(for_cpu: Duration) {
        let until = thread_cpu() + for_cpu;
        while thread_cpu() < until {
            black_box(0);
        }
    }

    fn spinning(
        name: &str,
        cpu: Duration,
    ) -> (
        mpsc::Receiver<()>,
        mpsc::Sender<()>,
        std::thread::JoinHandle<()>,
    ) {
        let (spun, has_spun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            spin(cpu);
            spun.send(()).unwrap();
            let _ = ended.recv();
        });
        (has_spun, end, thread.unwrap())
    }

    #[test]
    fn a_thread_that_spins_is_seen_by_name_and_kept_when_it_ends() {
        let mut meter = ProcessMeter::start(std::process::id()).unwrap();
        let (has_spun, end, thread) = spinning("spinner", Duration::from_millis(120));
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
    fn a_thread_that_no_sample_saw_is_in_the_total_and_nothing_else_is() {
        let own = || read_clock(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap();
        let before = own();
        let mut meter = ProcessMeter::start(std::process::id()).unwrap();
        let (has_spun, end, thread) = spinning("unseen", Duration::from_millis(12));
        has_spun.recv().unwrap();
        drop(end);
        thread.join().unwrap();
        let used = meter.sample().unwrap();
        let all = (own() - before).as_secs_f64();
        assert!(
            used.cpu_seconds >= 0.012 && used.cpu_seconds <= all,
            "{used:?}, {all}"
        );
    }

    #[test]
    fn no_such_process_is_an_error() {
        assert!(ProcessMeter::start(u32::MAX).is_err());
    }
}
