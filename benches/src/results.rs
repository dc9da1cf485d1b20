//! What a run measured: filled by the engine, read by every report. All of it is in
//! the JSON that a run leaves, so names here are a format; times are milliseconds,
//! rates are per second, unless a name says otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One scenario against one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    pub scenario: String,
    /// `convoke`, `janus`, `whip`, with what tells two of a kind apart.
    pub target: String,
    /// Seconds of the measured window, after everybody joined and media settled.
    pub seconds: f64,
    /// In all rooms together.
    pub participants: usize,
    #[serde(default = "one")]
    pub rooms: usize,
    pub media: MediaResult,
    pub joins: JoinResult,
    /// Absent where the server is not a process of this machine.
    pub server: Option<ProcessUse>,
    pub generator: ProcessUse,
    /// Part of the window, 0 to 1, in which each of its threads napped.
    #[serde(default)]
    pub generator_naps: Vec<f64>,
    /// Whether the clients took the kernel's bursts uncut (UDP_GRO).
    #[serde(default = "yes")]
    pub receive_segments: bool,
    /// What makes the figures doubtful, in words: the generator was the bottleneck,
    /// its receive buffers overflowed, participants did not connect.
    pub warnings: Vec<String>,
    /// Whether the points of the timeline are steps, each harder than the one before.
    #[serde(default)]
    pub is_ramp: bool,
    /// A point for each second or each step, for plots.
    pub timeline: Vec<Sample>,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// What all receivers together got in the window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MediaResult {
    /// Media packets that the publishers sent, retransmissions apart.
    pub published: u64,
    /// Media packets that the receivers got: what the server forwarded.
    pub forwarded: u64,
    /// Gaps in the receivers' sequences that nothing filled.
    pub lost: u64,
    pub retransmitted: u64,
    /// Sequence numbers that came twice.
    pub duplicates: u64,
    pub bytes: u64,
    /// From the publisher's send to the kernel's stamp of the datagram's arrival, or to the
    /// receiver's read with `--latency-at read`, in milliseconds.
    pub latency: Quantiles,
    /// Pauses of a video Slot above the larger of 150 ms over the mean interval and
    /// three times it (as getStats' freezeCount).
    pub freezes: u64,
    /// Slots that certainly show somebody and got nothing; they have no part in `lost`.
    #[serde(default)]
    pub silent_slots: usize,
    /// Received bits per second by layer: `audio`, `video/q`, `video/h`, `video/f`.
    pub bitrate: BTreeMap<String, f64>,
}

impl MediaResult {
    /// Lost of what should have come, 0 to 1.
    pub fn loss(&self) -> f64 {
        let expected = self.forwarded + self.lost;
        if expected == 0 {
            0.0
        } else {
            self.lost as f64 / expected as f64
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Quantiles {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct JoinResult {
    pub asked: usize,
    pub connected: usize,
    /// From the first signaling byte to DTLS connected, of both connections where who
    /// publishes and who plays are two; waiting for others to publish is not counted.
    pub connected_ms: Quantiles,
    /// From the first signaling byte to the first media packet received, as above.
    pub first_media_ms: Quantiles,
    /// Bytes of signaling that who joins receives from hello to the answer, the news of
    /// later joins apart: a mean. Absent where a server's messages are not understood.
    #[serde(default)]
    pub signaling_bytes_own: Option<f64>,
    /// That it sends meanwhile: its offer, mostly.
    #[serde(default)]
    pub signaling_bytes_sent: Option<f64>,
    /// That each who is in the room already receives because of one further join: a mean.
    #[serde(default)]
    pub signaling_bytes_others: Option<f64>,
    /// Why joins failed, by the server's word.
    pub refused: BTreeMap<String, usize>,
}

/// What a process used in the window, from /proc.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProcessUse {
    /// Of all its threads, user and system.
    pub cpu_seconds: f64,
    /// Of the busiest thread.
    pub busiest_thread_cpu_seconds: f64,
    /// Voluntary and involuntary.
    pub context_switches: u64,
    pub rss_bytes: u64,
    /// Resident before the first participant came.
    pub rss_idle_bytes: u64,
}

/// A moment of a run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Since the window began, seconds.
    pub at: f64,
    pub participants: usize,
    pub published_per_second: f64,
    pub forwarded_per_second: f64,
    pub lost_per_second: f64,
    pub latency_p99_ms: f64,
    /// Cores.
    pub server_cpu: f64,
    pub generator_cpu: f64,
}

impl RunResult {
    pub fn forwarded_per_second(&self) -> f64 {
        self.media.forwarded as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// The figure that servers are compared by.
    pub fn packets_per_cpu_second(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        (server.cpu_seconds > 0.0).then(|| self.media.forwarded as f64 / server.cpu_seconds)
    }

    /// Cores that the server kept busy.
    pub fn server_cores(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        Some(server.cpu_seconds / self.seconds.max(f64::MIN_POSITIVE))
    }

    pub fn microseconds_per_packet(&self) -> Option<f64> {
        self.packets_per_cpu_second().map(|rate| 1e6 / rate)
    }

    /// Resident memory that a participant adds.
    pub fn bytes_per_participant(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        let added = server.rss_bytes.saturating_sub(server.rss_idle_bytes);
        (self.participants > 0).then(|| added as f64 / self.participants as f64)
    }
}
