//! A run from beginning to end: everybody joins, media settles, a window is measured;
//! or several, each harder than the one before.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::clock::Nanos;
use crate::results::{RunResult, Sample};
use crate::scenario::{Cast, Joins, PersonId, Ramp, RampOf, Scenario};
use crate::target::Target;

use super::browsers::Browsers;
use super::connections::Connections;
use super::join::JoinLog;
use super::limit::exceeded;
use super::media_thread::{Command, Threads};
use super::meters::Meters;
use super::options::Options;
use super::result::Measured;
use super::silence::Expected;
use super::stage::Stage;

/// Between two points of a timeline.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Plays `scenario` against `target`. Blocks until it is over, and must not be called
/// on an async runtime's thread. `progress` gets a point for each second measured.
pub fn run(
    scenario: &Scenario,
    target: &Target,
    options: &Options,
    progress: impl FnMut(&Sample),
) -> anyhow::Result<RunResult> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let scenario = adapted(scenario, options)?;
    let play = async {
        let mut play = Play::new(scenario, target, options, progress)?;
        let result = play.run().await;
        play.end().await;
        result
    };
    LocalSet::new().block_on(&runtime, play)
}

/// As the options say, instead of the file.
fn adapted(scenario: &Scenario, options: &Options) -> anyhow::Result<Scenario> {
    let mut scenario = scenario.clone();
    scenario.rooms = options.rooms.unwrap_or(scenario.rooms).max(1);
    if let (Some(count), Some(group)) = (options.participants, scenario.groups.last_mut()) {
        group.count = count;
    }
    if let Some(seconds) = options.seconds {
        scenario.phases.measure_seconds = seconds;
    }
    scenario.check()?;
    Ok(scenario)
}

struct Play<P> {
    scenario: Scenario,
    stage: Rc<Stage>,
    meters: Meters,
    progress: P,
    /// How to tell those who attend to leave.
    leaving: HashMap<PersonId, oneshot::Sender<()>>,
    attending: Vec<JoinHandle<()>>,
    warnings: Vec<String>,
}

impl<P: FnMut(&Sample)> Play<P> {
    fn new(
        scenario: Scenario,
        target: &Target,
        options: &Options,
        progress: P,
    ) -> anyhow::Result<Self> {
        options.check(Some(target))?;
        let meters = Meters::start(options.server_pid).context("no such server process")?;
        let (told, listened) = mpsc::unbounded_channel();
        let stage = Rc::new(Stage {
            target: target.clone(),
            options: options.clone(),
            connections: Connections::new(scenario.media.clone(), options)?,
            threads: Threads::start(options, &told).context("cannot start threads")?,
            cast: RefCell::new(Cast::new(&scenario)),
            log: RefCell::new(JoinLog::default()),
            progress: Notify::new(),
            publishers: RefCell::new(Vec::new()),
            #[cfg(feature = "webrtc")]
            peers: Default::default(),
            #[cfg(feature = "webrtc")]
            told,
        });
        let listener = Rc::clone(&stage);
        spawn_local(async move { listener.listen(listened).await });
        Ok(Self {
            scenario,
            stage,
            meters,
            progress,
            leaving: HashMap::new(),
            attending: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn run(&mut self) -> anyhow::Result<RunResult> {
        let before = self.joining(Joins::Before);
        self.join(&before).await;
        let _browsers = Browsers::start(self.stage.options.browsers, &self.stage)?;
        self.settled(&before).await;
        sleep(self.scenario.phases.settle()).await;
        let measured = match self.scenario.ramp.clone() {
            Some(ramp) => self.ramp(&ramp).await?,
            None => self.measure().await?,
        };
        let lost = self.stage.log.borrow().lost;
        if lost > 0 {
            self.warnings.push(format!("{lost} media paths were lost"));
        }
        let warnings = std::mem::take(&mut self.warnings);
        let target = self.stage.target.name();
        let options = &self.stage.options;
        Ok(measured.result(&self.scenario, target, options, warnings))
    }

    /// Those of the cast who join in a phase and have not yet: publishers first, for
    /// who watches may need them.
    fn joining(&self, joins: Joins) -> Vec<PersonId> {
        let cast = self.stage.cast.borrow();
        let mut people: Vec<_> = cast
            .people()
            .iter()
            .filter(|p| p.present && p.group.joins == joins && !self.leaving.contains_key(&p.id))
            .collect();
        people.sort_by_key(|person| person.group.publish.is_empty());
        people.iter().map(|person| person.id).collect()
    }

    /// Sends them off, as fast as the scenario says.
    async fn join(&mut self, people: &[PersonId]) {
        {
            let cast = self.stage.cast.borrow();
            let publishes = |id: &&PersonId| !cast.get(**id).group.publish.is_empty();
            let publishers = people.iter().filter(publishes).copied();
            self.stage.publishers.borrow_mut().extend(publishers);
        }
        let interval = self.scenario.phases.join_interval();
        let begin = Instant::now();
        for (n, person) in people.iter().enumerate() {
            sleep_until(begin + interval * n as u32).await;
            self.attend(*person);
        }
    }

    fn attend(&mut self, person: PersonId) {
        let (leave, left) = oneshot::channel();
        self.leaving.insert(person, leave);
        let stage = Rc::clone(&self.stage);
        self.attending
            .push(spawn_local(async move { stage.attend(person, left).await }));
    }

    async fn settled(&mut self, people: &[PersonId]) {
        let patience = self.scenario.phases.join_timeout();
        let all = self.stage.until(|log| log.are_settled(people));
        if timeout(patience, all).await.is_err() {
            self.warnings.push(format!(
                "not everybody was connected within {:.0} s",
                patience.as_secs_f64()
            ));
        }
    }

    /// One window.
    async fn measure(&mut self) -> anyhow::Result<Measured> {
        let late = self.joining(Joins::Measured);
        let expected = {
            let (cast, log) = (self.stage.cast.borrow(), self.stage.log.borrow());
            Expected::of(&cast, &log, |show| self.stage.target.shows(show))
        };
        self.stage.begin();
        self.meters.begin_window()?;
        let begin = Nanos::now();
        let end = Instant::now() + self.scenario.phases.measure();
        self.join(&late).await;
        let mut timeline = Vec::new();
        let mut churn = Churn::new(self.scenario.churn_per_second);
        let mut last = begin;
        while Instant::now() < end {
            let next = (Instant::now() + SAMPLE_EVERY).min(end);
            while let Some(at) = churn.due_before(next) {
                sleep_until(at).await;
                self.replace_one(&mut churn);
            }
            sleep_until(next).await;
            let sample = self.sample(begin, &mut last).await?;
            (self.progress)(&sample);
            timeline.push(sample);
        }
        self.stage.end();
        let seconds = Nanos::now().since(begin).as_secs_f64();
        let (server, generator) = self.meters.sample()?;
        let warnings = self.meters.warnings(seconds);
        let participants = self.stage.log.borrow().present();
        let rooms = self.stage.cast.borrow().rooms();
        let strained = self.stage.log.borrow().was_strained();
        self.settled(&late).await;
        sleep(self.scenario.phases.grace()).await;
        let report = self.stage.collect().await;
        let log = self.stage.log.borrow();
        let joins = log.result();
        let heard = |client| report.heard.get(&client).copied();
        let silence = expected.silence(&log, heard);
        Ok(Measured {
            seconds,
            participants,
            rooms,
            joins,
            report,
            silence,
            strained,
            server,
            generator,
            timeline,
            warnings,
        })
    }

    async fn sample(&mut self, begin: Nanos, last: &mut Nanos) -> anyhow::Result<Sample> {
        let report = self.stage.threads.ask(Command::Interval).await;
        let now = Nanos::now();
        let seconds = now.since(std::mem::replace(last, now)).as_secs_f64();
        let (server_cpu, generator_cpu) = self.meters.glance(seconds)?;
        let per_second = |count: u64| count as f64 / seconds.max(f64::MIN_POSITIVE);
        Ok(Sample {
            at: now.since(begin).as_secs_f64(),
            participants: self.stage.log.borrow().present(),
            published_per_second: per_second(report.tally.published),
            forwarded_per_second: per_second(report.tally.received),
            lost_per_second: per_second(report.tally.lost),
            latency_p99_ms: report.tally.latency.quantiles().p99,
            server_cpu,
            generator_cpu,
        })
    }

    /// Somebody leaves, and somebody else comes in their place.
    fn replace_one(&mut self, churn: &mut Churn) {
        let chosen = {
            let cast = self.stage.cast.borrow();
            let present: Vec<_> = cast.people().iter().filter(|p| p.present).collect();
            churn.choose(present.len()).map(|at| present[at].clone())
        };
        let Some(person) = chosen else { return };
        let newcomer = {
            let mut cast = self.stage.cast.borrow_mut();
            cast.leave(person.id);
            cast.add(person.room, person.group)
        };
        if let Some(leave) = self.leaving.remove(&person.id) {
            // It may have been refused already.
            let _ = leave.send(());
        }
        self.attend(newcomer);
    }

    async fn ramp(&mut self, ramp: &Ramp) -> anyhow::Result<Measured> {
        let mut value = match ramp.of {
            RampOf::PacketsPerSecond => self.scenario.media.packets_per_second.unwrap_or(0.0),
            RampOf::Rooms => self.scenario.rooms as f64,
            RampOf::Participants => self.scenario.groups.last().map_or(0, |g| g.count) as f64,
        };
        let mut steps: Vec<Sample> = Vec::new();
        let mut best: Option<(f64, Measured)> = None;
        let mut last = loop {
            let measured = self.measure().await?;
            steps.push(measured.as_sample(value, &self.scenario));
            let media = measured.media(&self.scenario);
            if let Some(why) = exceeded(ramp, &measured.joins, &media, measured.strained) {
                let within = best.as_ref().map(|(within, _)| *within);
                self.warn_of_limit(within, value, &why, &measured);
                break best.map_or(measured, |(_, within)| within);
            }
            let next = ramp.next(value);
            if next > ramp.until {
                self.warnings.push(format!(
                    "the limit was not reached: {value:.0} is within it"
                ));
                break measured;
            }
            best = Some((value, measured));
            self.step(ramp.of, value, next).await;
            value = next;
            sleep(self.scenario.phases.settle()).await;
        };
        last.timeline = steps;
        Ok(last)
    }

    /// The result is the step before, so what was doubtful about this one is said here:
    /// it may be the generator whose limit was found.
    fn warn_of_limit(&mut self, within: Option<f64>, over: f64, why: &str, measured: &Measured) {
        self.warnings.push(match within {
            Some(within) => format!("the limit is {within:.0}: at {over:.0}, {why}"),
            None => format!("already the first step, {over:.0}, is over the limit: {why}"),
        });
        if within.is_some() {
            let doubts = measured.warnings();
            let doubts = doubts.iter().map(|doubt| format!("at {over:.0}: {doubt}"));
            self.warnings.extend(doubts);
        }
    }

    async fn step(&mut self, of: RampOf, from: f64, to: f64) {
        match of {
            RampOf::PacketsPerSecond => {
                self.stage.threads.send_all(|| Command::SetRate(to));
                return;
            }
            RampOf::Rooms => {
                let mut cast = self.stage.cast.borrow_mut();
                for room in from as usize..to as usize {
                    cast.add_room(&self.scenario, room);
                }
            }
            RampOf::Participants => {
                let mut cast = self.stage.cast.borrow_mut();
                let group = self.scenario.groups.last().cloned();
                for room in 0..self.scenario.rooms {
                    for _ in from as usize..to as usize {
                        if let Some(group) = &group {
                            cast.add(room, group.clone());
                        }
                    }
                }
            }
        }
        let newcomers = self.joining(Joins::Before);
        self.join(&newcomers).await;
        self.settled(&newcomers).await;
    }

    /// Everybody leaves, so that the next run finds the server as this one did.
    async fn end(&mut self) {
        self.leaving.clear();
        let patience = Duration::from_secs(5);
        for attending in self.attending.drain(..) {
            if timeout(patience, attending).await.is_err() {
                // Its sockets close with the run.
                return;
            }
        }
    }
}

/// When people leave, and who.
struct Churn {
    interval: Option<Duration>,
    next: Instant,
    turn: usize,
}

impl Churn {
    fn new(per_second: f64) -> Self {
        let interval = (per_second > 0.0).then(|| Duration::from_secs_f64(1.0 / per_second));
        Self {
            interval,
            next: Instant::now() + interval.unwrap_or_default(),
            turn: 0,
        }
    }

    fn due_before(&mut self, end: Instant) -> Option<Instant> {
        let interval = self.interval?;
        let due = self.next;
        if due >= end {
            return None;
        }
        self.next = due + interval;
        Some(due)
    }

    /// In turn, but not in order.
    fn choose(&mut self, among: usize) -> Option<usize> {
        self.turn += 7;
        (among > 0).then(|| self.turn % among)
    }
}
