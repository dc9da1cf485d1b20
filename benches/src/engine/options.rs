//! How a run is made, apart from what is played.

use std::net::IpAddr;

use anyhow::ensure;

use crate::target::Target;

/// Which received packets are decrypted and checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verify {
    /// All, until a thread receives so many that this would bound the run.
    #[default]
    Auto,
    All,
    /// Each n-th of a Slot; the numbers in the clear of all.
    Sample,
}

/// When a packet counts as received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LatencyAt {
    /// When the kernel has it, by its own stamp: how long the generator takes to read
    /// it is not the server's latency.
    #[default]
    Arrival,
    /// When it is read.
    Read,
}

#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that play the clients.
    pub threads: usize,

    /// Cores that these are pinned to, in turn; where the process may run otherwise.
    pub generator_cores: Vec<usize>,

    /// Which received packets are decrypted.
    pub verify: Verify,

    /// With sampling: each n-th packet of a Slot.
    pub sample_every: u32,

    /// When a packet counts as received.
    pub latency_at: LatencyAt,

    /// Let the kernel cut publishers' bursts (UDP_SEGMENT): cheaper for the generator,
    /// and for a server on the same machine.
    pub publish_segments: bool,

    /// Let the kernel hand bursts to the clients as it has them (UDP_GRO). On one machine
    /// it cuts them otherwise, in the time of a server that sends with UDP_SEGMENT.
    pub receive_segments: bool,

    /// Address that clients send from; otherwise the one that leads to the server.
    pub local_ip: Option<IpAddr>,

    /// Offer AES-CM with HMAC-SHA1 first, as Chromium does.
    pub sha1_first: bool,

    /// Rooms, instead of the scenario's.
    pub rooms: Option<usize>,

    /// People of the last group of each room, instead of the scenario's.
    pub participants: Option<usize>,

    /// Seconds measured, instead of the scenario's.
    pub seconds: Option<f64>,

    /// What the names of rooms begin with.
    pub room_prefix: String,

    /// Part of the participants that are the `webrtc` crate's RTCPeerConnection, 0 to 1.
    pub webrtc_share: f64,

    /// Chromium processes that join the first room as well.
    pub browsers: usize,

    /// Process id of the server, if it is on this machine.
    pub server_pid: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 1,
            generator_cores: Vec::new(),
            verify: Verify::default(),
            sample_every: 16,
            latency_at: LatencyAt::default(),
            publish_segments: false,
            receive_segments: true,
            local_ip: None,
            sha1_first: false,
            rooms: None,
            participants: None,
            seconds: None,
            room_prefix: "bench".to_owned(),
            webrtc_share: 0.0,
            browsers: 0,
            server_pid: None,
        }
    }
}

impl Options {
    /// Whether this build can do it, and against this target.
    pub fn check(&self, target: Option<&Target>) -> anyhow::Result<()> {
        let has_peers = self.webrtc_share > 0.0;
        ensure!(
            !has_peers || cfg!(feature = "webrtc"),
            "--webrtc-share: the webrtc crate's connections are not built in: build with \
             --features webrtc"
        );
        ensure!(
            !(has_peers || self.browsers > 0)
                || target.is_none_or(|target| matches!(target, Target::Convoke(_))),
            "the webrtc crate's connections and browsers are for Convoke alone"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::JanusTarget;

    #[test]
    fn clients_that_cannot_play_are_refused() {
        let janus = Target::Janus(JanusTarget::new("ws://127.0.0.1:1").unwrap());
        let mut options = Options::default();
        assert!(options.check(Some(&janus)).is_ok());
        options.browsers = 1;
        assert!(options.check(None).is_ok());
        let refused = options.check(Some(&janus)).unwrap_err();
        assert!(
            refused.to_string().contains("for Convoke alone"),
            "{refused}"
        );
        options.webrtc_share = 0.5;
        let built_in = options.check(None);
        assert_eq!(built_in.is_ok(), cfg!(feature = "webrtc"));
        if let Err(refused) = built_in {
            assert!(
                refused.to_string().contains("--features webrtc"),
                "{refused}"
            );
        }
    }
}
