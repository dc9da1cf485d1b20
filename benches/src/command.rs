//! `convoke bench`: every scenario at every size against the target, or in pairs with
//! another one; each run leaves its record at once, the tables come at the end.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::{BenchArgs, LoadArgs, ServerArgs};
use crate::compare::{self, Pair, Side};
use crate::engine::{self, Options};
use crate::net::raise_descriptor_limit;
use crate::report::json::{self, Machine, Record};
use crate::report::progress::Progress;
use crate::report::{markdown, plot_of};
use crate::results::RunResult;
use crate::scenario::{Scenario, builtin, builtin_names};
use crate::spawn::Cores;
use crate::subject::Subject;
use crate::target::Target;

/// One run, as the engine makes it.
#[derive(Debug)]
pub struct Job<'a> {
    pub scenario: &'a Scenario,
    pub target: &'a Target,
    pub options: &'a Options,
}

/// Where not given, the scenario's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub participants: Option<usize>,
    pub rooms: Option<usize>,
}

/// The subcommand. Call it before any thread is started: each inherits the cores that
/// the generator keeps to.
pub fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    if args.list {
        return list();
    }
    raise_descriptor_limit().context("cannot raise the limit of open files")?;
    execute(args, |job, progress| {
        engine::run(job.scenario, job.target, job.options, |sample| {
            progress.sample(sample);
        })
    })
}

fn list() -> anyhow::Result<()> {
    let mut text = String::new();
    for name in builtin_names() {
        let scenario = scenario_of(name)?;
        let _ = writeln!(text, "{name:<14}{}", scenario.description);
    }
    say(&text)
}

/// A built-in one, or a file.
fn scenario_of(name: &str) -> anyhow::Result<Scenario> {
    if let Some(scenario) = builtin(name) {
        return scenario;
    }
    let text = fs::read_to_string(name)
        .with_context(|| format!("{name} is no built-in scenario, and no file"))?;
    Scenario::from_toml(&text).with_context(|| name.to_owned())
}

/// `run` is the engine.
fn execute(
    args: &BenchArgs,
    run: impl FnMut(&Job<'_>, &mut Progress) -> anyhow::Result<RunResult>,
) -> anyhow::Result<()> {
    // Before a server is started for nothing.
    args.load.generator.options().check(None)?;
    let mut bench = Bench::new(args, run)?;
    let mut text = String::new();
    let scenarios = args.scenarios.iter().map(|name| scenario_of(name));
    // A mistake in the last one is found before the first one runs.
    for scenario in &scenarios.collect::<anyhow::Result<Vec<_>>>()? {
        for size in sizes(&args.load) {
            if let Some(pairs) = bench.run(scenario, size)? {
                text.push_str(&compare::table(&pairs));
                text.push('\n');
            }
        }
    }
    bench.progress.finish();
    let text = format!(
        "{}\n{text}{}\n",
        markdown::table(&bench.results),
        bench.footer()
    );
    say(&text)?;
    if let Some(file) = &args.reports.markdown {
        fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &args.reports.plot {
        let plot = plot_of(&bench.results, args.reports.plot_view.map(Into::into));
        fs::write(file, plot.to_svg())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// What a command answers goes to stdout.
fn say(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).context("cannot print")?;
    stdout.flush().context("cannot print")
}

/// Rooms by participants.
fn sizes(load: &LoadArgs) -> Vec<Size> {
    let each = |given: &[usize]| match given {
        [] => vec![None],
        given => given.iter().copied().map(Some).collect(),
    };
    let rooms = each(&load.rooms);
    let participants = each(&load.participants);
    rooms
        .into_iter()
        .flat_map(|rooms| {
            participants.iter().map(move |participants| Size {
                participants: *participants,
                rooms,
            })
        })
        .collect()
}

struct Bench<'a, R> {
    args: &'a BenchArgs,
    engine: R,
    progress: Progress,
    server_cores: Option<Cores>,
    /// Of every run: what is wrong with how it is run.
    warnings: Vec<String>,
    machine: Machine,
    command: Vec<String>,
    results: Vec<RunResult>,
}

impl<'a, R> Bench<'a, R>
where
    R: FnMut(&Job<'_>, &mut Progress) -> anyhow::Result<RunResult>,
{
    fn new(args: &'a BenchArgs, engine: R) -> anyhow::Result<Self> {
        let mut bench = Self {
            args,
            engine,
            progress: Progress::to_stderr(),
            server_cores: None,
            warnings: Vec::new(),
            // Before this process gives up cores: these are the machine's.
            machine: Machine::this(),
            command: json::redacted(std::env::args().skip(1)),
            results: Vec::new(),
        };
        let subjects = [Some(&args.servers.target), args.servers.vs.as_ref()];
        if subjects.into_iter().flatten().any(Subject::is_spawned) {
            bench.divide_cores()?;
            if cfg!(debug_assertions) {
                let warning = "an unoptimised build: figures are of no use";
                bench.warnings.push(warning.to_owned());
            }
        }
        Ok(bench)
    }

    fn divide_cores(&mut self) -> anyhow::Result<()> {
        let cores = Cores::allowed().context("cannot tell the cores")?;
        let Some((server, generator)) = cores.divide(self.args.servers.server_cores) else {
            let warning = "server and generator share their cores";
            self.warnings.push(warning.to_owned());
            return Ok(());
        };
        generator
            .pin()
            .context("cannot keep to the generator's cores")?;
        self.server_cores = Some(server);
        Ok(())
    }

    /// The pairs, where two targets are compared.
    fn run(&mut self, scenario: &Scenario, size: Size) -> anyhow::Result<Option<Vec<Pair>>> {
        let times = self.args.load.pairs.unwrap_or(1) as usize;
        if self.args.servers.vs.is_some() {
            let run = |side| self.run_once(scenario, size, side);
            return Ok(Some(compare::run_pairs(times, run)?));
        }
        for _ in 0..times {
            self.run_once(scenario, size, Side::A)?;
        }
        Ok(None)
    }

    fn run_once(
        &mut self,
        scenario: &Scenario,
        size: Size,
        side: Side,
    ) -> anyhow::Result<RunResult> {
        let party = Party::of(&self.args.servers, side);
        let label = party.subject.label(party.env);
        let scenario_name = &scenario.name;
        self.progress.begin(format!("{scenario_name}, {label}"));
        let cores = self.server_cores.as_ref();
        let server = party.subject.start(party.env, cores, party.pid)?;
        let target = server.address.target(party.token)?;
        let options = Options {
            participants: size.participants,
            rooms: size.rooms,
            server_pid: server.pid,
            ..self.args.load.generator.options()
        };
        let job = Job {
            scenario,
            target: &target,
            options: &options,
        };
        let mut result = (self.engine)(&job, &mut self.progress)
            .with_context(|| format!("{scenario_name} against {label}"))?;
        result.target = label;
        result.warnings.extend(self.warnings.iter().cloned());
        self.record(&result)?;
        self.results.push(result.clone());
        Ok(result)
    }

    fn record(&mut self, result: &RunResult) -> anyhow::Result<()> {
        let Some(directory) = &self.args.reports.json else {
            return Ok(());
        };
        let record = Record {
            written_at: json::now(),
            machine: self.machine.clone(),
            commit: self.args.reports.commit.clone(),
            command: self.command.clone(),
            result: result.clone(),
        };
        let path = json::write(directory, &record)
            .with_context(|| format!("cannot write to {}", directory.display()))?;
        self.progress.say(&path.display().to_string());
        Ok(())
    }

    /// What somebody needs who doubts the figures or repeats them.
    fn footer(&self) -> String {
        let commit = self.args.reports.commit.as_ref();
        let commit = commit.map_or_else(String::new, |commit| format!(", commit {commit}"));
        format!(
            "\n{}{commit}: `convoke {}`",
            self.machine.describe(),
            self.command.join(" ")
        )
    }
}

/// One side's part of the command line.
struct Party<'a> {
    subject: &'a Subject,
    env: &'a [(String, String)],
    pid: Option<u32>,
    token: Option<&'a str>,
}

impl<'a> Party<'a> {
    fn of(servers: &'a ServerArgs, side: Side) -> Self {
        match (side, &servers.vs) {
            (Side::B, Some(subject)) => Self {
                subject,
                env: &servers.vs_env,
                pid: servers.vs_pid,
                token: servers.vs_token.as_deref(),
            },
            _ => Self {
                subject: &servers.target,
                env: &servers.env,
                pid: servers.pid,
                token: servers.token.as_deref(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::report::markdown::tests::result;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn args(line: &str) -> BenchArgs {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Command::try_parse_from(words).unwrap().bench
    }

    #[test]
    fn every_scenario_runs_at_every_size_against_both_in_pairs() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (json, table, plot) = (path("json"), path("table.md"), path("plot.svg"));
        let args = args(&format!(
            "meeting --target convoke=http://127.0.0.1:1 --token t --pid 7 --vs janus=ws://127.0.0.1:2 --pairs 2 \
             --participants 10,50 --json {json} --markdown {table} --plot {plot} --commit abc"
        ));
        let mut ran = Vec::new();
        execute(&args, |job, _| {
            let participants = job.options.participants.unwrap();
            let is_convoke = matches!(job.target, Target::Convoke(_));
            assert_eq!(job.options.server_pid, is_convoke.then_some(7));
            ran.push((participants, is_convoke));
            let mut result = result(&job.scenario.name, "unnamed");
            result.participants = participants;
            Ok(result)
        })
        .unwrap();
        let order = [true, false, false, true];
        let wanted: Vec<_> = [10, 50]
            .into_iter()
            .flat_map(|participants| order.map(|convoke| (participants, convoke)))
            .collect();
        assert_eq!(ran, wanted);
        assert_eq!(fs::read_dir(json).unwrap().count(), 8);
        let text = fs::read_to_string(table).unwrap();
        assert_eq!(
            text.matches("| meeting | janus ws://127.0.0.1:2 |").count(),
            4
        );
        assert_eq!(text.matches("| median |").count(), 2);
        assert!(text.contains(", commit abc: `convoke"), "{text}");
        let svg = fs::read_to_string(plot).unwrap();
        assert!(svg.contains("Server CPU by participants"));
    }

    #[test]
    fn a_failed_run_says_which() {
        let args = args("meeting --target convoke=http://127.0.0.1:1");
        let failed = execute(&args, |_, _| Err(anyhow::anyhow!("refused")));
        let message = format!("{:#}", failed.unwrap_err());
        assert_eq!(
            message,
            "meeting against convoke http://127.0.0.1:1: refused"
        );
    }

    #[test]
    fn sizes_are_rooms_by_participants() {
        let load = args("meeting --rooms 1,10 --participants 5").load;
        let rooms: Vec<_> = sizes(&load).iter().map(|size| size.rooms).collect();
        assert_eq!(rooms, [Some(1), Some(10)]);
        assert_eq!(sizes(&args("meeting").load), [Size::default()]);
    }
}
