//! From what was counted to what is reported.

use crate::client::Tally;
use crate::results::{JoinResult, MediaResult, ProcessUse, RunResult, Sample};
use crate::scenario::Scenario;

use super::limit::absent;
use super::media_thread::Report;
use super::meters::{generator_warning, nap_warning};
use super::options::Options;
use super::silence::Silence;

/// A measured window.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) seconds: f64,
    pub(super) participants: usize,
    pub(super) rooms: usize,
    pub(super) joins: JoinResult,
    pub(super) report: Report,
    pub(super) silence: Silence,
    /// The server had too much to do in it, and said so.
    pub(super) strained: bool,
    pub(super) server: Option<ProcessUse>,
    pub(super) generator: ProcessUse,
    pub(super) timeline: Vec<Sample>,
    /// Of the processes.
    pub(super) warnings: Vec<String>,
}

impl Measured {
    pub(super) fn media(&self, scenario: &Scenario) -> MediaResult {
        let tally = &self.report.tally;
        MediaResult {
            published: tally.published,
            forwarded: tally.received,
            lost: tally.lost,
            retransmitted: tally.retransmitted,
            duplicates: tally.duplicates,
            bytes: tally.total_bytes(),
            latency: tally.latency.quantiles(),
            freezes: tally.freezes,
            silent_slots: self.silence.silent,
            bitrate: tally.bitrate(self.seconds, &scenario.rids()),
        }
    }

    /// A step of a ramp as a point of its plot.
    pub(super) fn as_sample(&self, at: f64, scenario: &Scenario) -> Sample {
        let media = self.media(scenario);
        let per_second = |count: u64| count as f64 / self.seconds;
        Sample {
            at,
            participants: self.participants,
            published_per_second: per_second(media.published),
            forwarded_per_second: per_second(media.forwarded),
            lost_per_second: per_second(media.lost),
            latency_p99_ms: media.latency.p99,
            server_cpu: self.server.as_ref().map_or(0.0, |s| s.cpu_seconds) / self.seconds,
            generator_cpu: self.generator.cpu_seconds / self.seconds,
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let Tally {
            received,
            opened,
            overflowed,
            unsent,
            broken,
            foreign,
            published,
            ..
        } = self.report.tally;
        let mut warnings = self.warnings.clone();
        warnings.extend(generator_warning(&self.generator, self.seconds));
        warnings.extend(nap_warning(&self.report.naps));
        if overflowed > 0 {
            warnings.push(format!(
                "the generator's receive buffers overflowed: {overflowed} packets of the \
                 server's were lost by us"
            ));
        }
        if unsent > 0 {
            warnings.push(format!(
                "{unsent} packets of the generator's could not be sent"
            ));
        }
        if broken > 0 {
            warnings.push(format!("{broken} packets did not authenticate"));
        }
        if foreign > 0 {
            warnings.push(format!(
                "{foreign} packets held no send time, as those of browsers: they have no part \
                 in the latency"
            ));
        }
        if self.report.sampled {
            warnings.push(format!(
                "not every packet was decrypted: {opened} of {received}; the others were \
                 counted by their headers"
            ));
        }
        let Silence { silent, expected } = self.silence;
        if silent > 0 {
            warnings.push(format!(
                "{silent} of {expected} Slots that show somebody got nothing, which is not in \
                 the loss"
            ));
        }
        if self.strained {
            warnings.push(
                "the server had too much to do: it sent smaller pictures, or fewer".to_owned(),
            );
        }
        if published > 0 && received == 0 {
            warnings.push("nothing was received".to_owned());
        }
        warnings
    }

    pub(super) fn result(
        self,
        scenario: &Scenario,
        target: String,
        options: &Options,
        mut warnings: Vec<String>,
    ) -> RunResult {
        warnings.extend(self.warnings());
        warnings.extend(absent(&self.joins));
        RunResult {
            scenario: scenario.name.clone(),
            target,
            seconds: self.seconds,
            participants: self.participants,
            rooms: self.rooms,
            media: self.media(scenario),
            joins: self.joins,
            server: self.server,
            generator: self.generator,
            generator_naps: self.report.naps.iter().map(|naps| naps.napped).collect(),
            receive_segments: options.receive_segments,
            warnings,
            is_ramp: scenario.ramp.is_some(),
            timeline: self.timeline,
        }
    }
}
