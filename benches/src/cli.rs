//! The command line of `convoke bench`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::engine::{LatencyAt, Options, Verify};
use crate::report::View;
use crate::subject::Subject;

/// Load a server with real clients and report what it took.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Built-in scenarios (`--list` names them) or TOML files.
    #[arg(value_name = "SCENARIO", required_unless_present = "list")]
    pub scenarios: Vec<String>,
    /// Name the built-in scenarios, and stop.
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub servers: ServerArgs,
    #[command(flatten)]
    pub load: LoadArgs,
    #[command(flatten)]
    pub reports: ReportArgs,
}

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The server to load: `convoke=http://…`, `whip=URL[,whep=URL]`, `janus=ws://…`,
    /// or one to start: `spawn`, `spawn=FILE`, `spawn-janus[,event_loops=N]`.
    #[arg(long, value_name = "TARGET", default_value = "spawn")]
    pub target: Subject,
    /// Start this same program as the server: the default, and `--target spawn`.
    #[arg(long, conflicts_with = "target")]
    pub spawn: bool,
    /// Another target, run in turn with the first; ratios are printed pair by pair.
    #[arg(long, value_name = "TARGET")]
    pub vs: Option<Subject>,
    /// Process of a server that was not started here, to be measured.
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// The same of `--vs`.
    #[arg(long, value_name = "PID", requires = "vs")]
    pub vs_pid: Option<u32>,
    /// Token that the clients enter with.
    #[arg(long, env = "CONVOKE_BENCH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The same of `--vs`.
    #[arg(
        long,
        env = "CONVOKE_BENCH_VS_TOKEN",
        hide_env_values = true,
        requires = "vs"
    )]
    pub vs_token: Option<String>,
    /// Setting of a Convoke that is started; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable, action = ArgAction::Append)]
    pub env: Vec<(String, String)>,
    /// The same of `--vs`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable, action = ArgAction::Append, requires = "vs")]
    pub vs_env: Vec<(String, String)>,
    /// Cores of a server that is started; the generator has the others.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub server_cores: usize,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Pairs to run with `--vs`; without it, runs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pairs: Option<u32>,
    /// People of the last group of each room; several, such as `10,20,50`, are run one after another.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = counted)]
    pub participants: Vec<usize>,
    /// Rooms alike, side by side; several, such as `1,10,100`, are run one after another.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = counted)]
    pub rooms: Vec<usize>,
    #[command(flatten)]
    pub generator: GeneratorArgs,
}

/// How the load is made, apart from what is played.
#[derive(Debug, Args)]
pub struct GeneratorArgs {
    /// Length of the measured window; the scenario's own when not given.
    #[arg(long, value_name = "N", value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Threads that play the clients.
    #[arg(long, value_name = "N", value_parser = counted, default_value = "1")]
    pub threads: usize,
    /// Share of the participants, 0 to 1, that are the `webrtc` crate's PeerConnection.
    #[arg(long, value_name = "F", value_parser = share, default_value = "0")]
    pub webrtc_share: f64,
    /// Chromium processes that join the first room as well.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub chromium: usize,
    /// Which received packets are decrypted and checked.
    #[arg(long, value_enum, default_value_t = VerifyArg::Auto)]
    pub verify: VerifyArg,
    /// When a packet counts as received.
    #[arg(long, value_enum, default_value_t = LatencyArg::Arrival)]
    pub latency_at: LatencyArg,
    /// Let the kernel cut the publishers' bursts (UDP_SEGMENT): cheaper for the
    /// generator, and for a server on the same machine.
    #[arg(long)]
    pub publish_segments: bool,
    /// Let the kernel hand bursts to the clients uncut (UDP_GRO): cheaper for the
    /// generator, and for a server on the same machine that sends them so.
    #[arg(long, value_enum, default_value_t = YesNo::Yes)]
    pub receive_segments: YesNo,
    /// Offer AES-CM with HMAC-SHA1 first, as Chromium does.
    #[arg(long)]
    pub sha1_first: bool,
    /// Address that clients send from; otherwise the one that leads to the server.
    #[arg(long, value_name = "IP")]
    pub local_ip: Option<IpAddr>,
}

impl GeneratorArgs {
    pub fn options(&self) -> Options {
        Options {
            seconds: self.seconds,
            threads: self.threads,
            webrtc_share: self.webrtc_share,
            browsers: self.chromium,
            verify: self.verify.into(),
            latency_at: self.latency_at.into(),
            publish_segments: self.publish_segments,
            receive_segments: self.receive_segments == YesNo::Yes,
            sha1_first: self.sha1_first,
            local_ip: self.local_ip,
            ..Options::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyArg {
    /// All, until a thread receives so many that this would bound the run.
    Auto,
    All,
    /// Some of each Slot; the numbers in the clear of all.
    Sample,
}

impl From<VerifyArg> for Verify {
    fn from(verify: VerifyArg) -> Self {
        match verify {
            VerifyArg::Auto => Self::Auto,
            VerifyArg::All => Self::All,
            VerifyArg::Sample => Self::Sample,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LatencyArg {
    /// When the kernel has it: reading it late is not the server's latency.
    Arrival,
    /// When it is read.
    Read,
}

impl From<LatencyArg> for LatencyAt {
    fn from(at: LatencyArg) -> Self {
        match at {
            LatencyArg::Arrival => Self::Arrival,
            LatencyArg::Read => Self::Read,
        }
    }
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Directory for a JSON file of each run.
    #[arg(long, value_name = "DIR")]
    pub json: Option<PathBuf>,
    /// File for the tables, which are printed in any case.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// File for a plot.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// What to plot; what the runs differ in when not given.
    #[arg(long, value_name = "VIEW", requires = "plot")]
    pub plot_view: Option<PlotView>,
    /// Commit of the server, for the record.
    #[arg(long, value_name = "HASH")]
    pub commit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlotView {
    CpuByParticipants,
    CpuByRooms,
    LatencyByRate,
}

impl From<PlotView> for View {
    fn from(view: PlotView) -> Self {
        match view {
            PlotView::CpuByParticipants => Self::CpuByParticipants,
            PlotView::CpuByRooms => Self::CpuByRooms,
            PlotView::LatencyByRate => Self::LatencyByRate,
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE, such as CONVOKE_MEDIA_WORKERS=2".to_owned()),
    }
}

fn counted(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a number above zero".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share from 0 to 1".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s| (0.1..=86_400.0).contains(s));
    seconds.ok_or_else(|| "a number of seconds, a day at most".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn parse(line: &str) -> Result<BenchArgs, clap::Error> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Command::try_parse_from(words).map(|command| command.bench)
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Command::command().debug_assert();
    }

    #[test]
    fn a_server_is_started_when_none_is_named() {
        let args = parse("one-to-many meeting --participants 10,20 --env A=b=c").unwrap();
        assert_eq!(args.scenarios, ["one-to-many", "meeting"]);
        assert_eq!(args.servers.target, Subject::Spawn { binary: None });
        assert_eq!(args.load.participants, [10, 20]);
        assert_eq!(args.servers.env, [("A".to_owned(), "b=c".to_owned())]);
    }

    #[test]
    fn a_comparison_names_both() {
        let args = parse("meeting --target convoke=http://a --pid 7 --vs janus=ws://b --vs-pid 8");
        let servers = args.unwrap().servers;
        let janus: Subject = "janus=ws://b".parse().unwrap();
        assert_eq!((servers.vs, servers.vs_pid), (Some(janus), Some(8)));
    }

    #[test]
    fn a_share_may_be_other_clients() {
        let args = parse("meeting --webrtc-share 0.1 --chromium 2").unwrap();
        let options = args.load.generator.options();
        assert_eq!((options.webrtc_share, options.browsers), (0.1, 2));
    }

    #[test]
    fn bursts_may_come_to_the_clients_cut() {
        let options = |line| parse(line).unwrap().load.generator.options();
        assert!(options("meeting").receive_segments);
        assert!(!options("meeting --receive-segments no").receive_segments);
    }

    #[test]
    fn mistakes_are_refused() {
        for bad in [
            "",
            "meeting --vs-pid 7",
            "meeting --spawn --target spawn",
            "meeting --participants 0",
            "meeting --pairs 0",
            "meeting --webrtc-share 1.5",
            "meeting --seconds 0",
            "meeting --env A",
            "meeting --plot-view cpu-by-rooms",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("--list").unwrap().list);
    }
}
