//! The table for people. It has the generator's own load in each row and every
//! warning beneath: a figure without them is not to be believed.

use std::fmt::Write as _;

use super::text::{or_dash, percent, significant, thousands};
use crate::results::{JoinResult, Quantiles, RunResult};

const COLUMNS: &[&str] = &[
    "scenario",
    "target",
    "participants",
    "packets/s",
    "loss",
    "latency p50 / p99 / max (ms)",
    "join p50 / p95 (ms)",
    "signaling of a join, own / each other (bytes)",
    "freezes",
    "µs CPU per packet",
    "packets per CPU-second",
    "memory per participant",
    "context switches/s",
    "server / generator (cores)",
];

pub fn table(results: &[RunResult]) -> String {
    let mut text = String::new();
    push_row(&mut text, COLUMNS.iter().map(|column| (*column).to_owned()));
    let rules = COLUMNS.iter().enumerate();
    push_row(&mut text, rules.map(|(index, _)| rule(index).to_owned()));
    for (index, result) in results.iter().enumerate() {
        push_row(&mut text, row(result, note_of(results, index)));
    }
    push_warnings(&mut text, results);
    if results.iter().any(|result| !result.receive_segments) {
        text.push_str("\nThe clients took each datagram alone (--receive-segments no).\n");
    }
    text
}

/// The words on the left, the figures on the right.
fn rule(column: usize) -> &'static str {
    if column < 2 { "---" } else { "---:" }
}

/// A warned run's number among the notes.
fn note_of(results: &[RunResult], index: usize) -> Option<usize> {
    let warned = |result: &&RunResult| !result.warnings.is_empty();
    let before = results[..index].iter().filter(warned).count();
    results.get(index).filter(warned).map(|_| before + 1)
}

fn row(result: &RunResult, note: Option<usize>) -> Vec<String> {
    let server = result.server.as_ref();
    let per_second = |count: u64| count as f64 / result.seconds.max(f64::MIN_POSITIVE);
    let mark = note.map_or_else(String::new, |note| format!(" [{note}]"));
    vec![
        format!("{}{mark}", result.scenario),
        result.target.clone(),
        participants(result),
        thousands(result.forwarded_per_second()),
        percent(result.media.loss()),
        latency(&result.media.latency),
        joins(&result.joins.connected_ms),
        signaling(&result.joins),
        thousands(result.media.freezes as f64),
        or_dash(result.microseconds_per_packet(), significant),
        or_dash(result.packets_per_cpu_second(), thousands),
        or_dash(result.bytes_per_participant(), bytes),
        or_dash(
            server.map(|server| per_second(server.context_switches)),
            thousands,
        ),
        format!(
            "{} / {}",
            or_dash(result.server_cores(), cores),
            cores(result.generator.cpu_seconds / result.seconds.max(f64::MIN_POSITIVE))
        ),
    ]
}

fn participants(result: &RunResult) -> String {
    match result.rooms {
        0 | 1 => result.participants.to_string(),
        rooms => format!("{} in {rooms} rooms", result.participants),
    }
}

fn latency(quantiles: &Quantiles) -> String {
    if quantiles.count == 0 {
        return "–".to_owned();
    }
    let [p50, p99, max] = [quantiles.p50, quantiles.p99, quantiles.max].map(significant);
    format!("{p50} / {p99} / {max}")
}

fn joins(quantiles: &Quantiles) -> String {
    if quantiles.count == 0 {
        return "–".to_owned();
    }
    let [p50, p95] = [quantiles.p50, quantiles.p95].map(significant);
    format!("{p50} / {p95}")
}

fn signaling(joins: &JoinResult) -> String {
    let (own, others) = (joins.signaling_bytes_own, joins.signaling_bytes_others);
    if own.or(others).is_none() {
        return "–".to_owned();
    }
    format!(
        "{} / {}",
        or_dash(own, thousands),
        or_dash(others, thousands)
    )
}

fn cores(cores: f64) -> String {
    format!("{cores:.2}")
}

pub(crate) fn bytes(bytes: f64) -> String {
    let kibibytes = bytes / 1024.0;
    if kibibytes < 1024.0 {
        format!("{kibibytes:.0} KiB")
    } else {
        format!("{:.1} MiB", kibibytes / 1024.0)
    }
}

pub(crate) fn push_row(text: &mut String, cells: impl IntoIterator<Item = String>) {
    text.push('|');
    for cell in cells {
        // A bar would end the cell, a line break the table.
        let cell = cell.replace('|', "\\|").replace(['\n', '\r'], " ");
        let _ = write!(text, " {cell} |");
    }
    text.push('\n');
}

fn push_warnings(text: &mut String, results: &[RunResult]) {
    for (index, result) in results.iter().enumerate() {
        let Some(note) = note_of(results, index) else {
            continue;
        };
        for warning in &result.warnings {
            let _ = write!(
                text,
                "\n[{note}] {} {}: {warning}",
                result.scenario, result.target
            );
            text.push('\n');
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::results::{MediaResult, ProcessUse};

    pub(crate) fn result(scenario: &str, target: &str) -> RunResult {
        RunResult {
            scenario: scenario.to_owned(),
            target: target.to_owned(),
            seconds: 10.0,
            participants: 51,
            rooms: 1,
            media: media(),
            joins: JoinResult {
                asked: 51,
                connected: 51,
                connected_ms: quantiles(40.0),
                signaling_bytes_own: Some(24_310.4),
                signaling_bytes_others: Some(612.0),
                ..JoinResult::default()
            },
            server: Some(ProcessUse {
                cpu_seconds: 0.3,
                context_switches: 12_345,
                rss_bytes: 30 << 20,
                rss_idle_bytes: 20 << 20,
                ..ProcessUse::default()
            }),
            generator: ProcessUse {
                cpu_seconds: 7.0,
                ..ProcessUse::default()
            },
            generator_naps: Vec::new(),
            receive_segments: true,
            warnings: Vec::new(),
            is_ramp: false,
            timeline: Vec::new(),
        }
    }

    fn media() -> MediaResult {
        MediaResult {
            published: 3_000,
            forwarded: 150_000,
            lost: 15,
            latency: quantiles(0.4),
            ..MediaResult::default()
        }
    }

    fn quantiles(p50: f64) -> Quantiles {
        Quantiles {
            count: 100,
            p50,
            p95: p50 * 2.0,
            p99: p50 * 3.0,
            max: p50 * 4.0,
        }
    }

    #[test]
    fn a_row_has_every_figure() {
        let text = table(&[result("one-to-many", "convoke")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[2],
            "| one-to-many | convoke | 51 | 15,000 | 0.010 % | 0.400 / 1.20 / 1.60 | \
             40.0 / 80.0 | 24,310 / 612 | 0 | 2.00 | 500,000 | 201 KiB | 1,234 | 0.03 / 0.70 |"
        );
        for line in lines {
            assert_eq!(line.matches('|').count(), COLUMNS.len() + 1);
        }
    }

    #[test]
    fn a_remote_server_has_dashes_and_a_name_cannot_break_the_table() {
        let mut remote = result("meeting", "whip|x\ny");
        remote.server = None;
        remote.rooms = 10;
        remote.media.latency = Quantiles::default();
        let text = table(&[remote]);
        assert!(text.contains("| whip\\|x y | 51 in 10 rooms | 15,000 | 0.010 % | – |"));
        assert!(text.ends_with("| – | – | – | – | – / 0.70 |\n"), "{text}");
    }

    #[test]
    fn that_bursts_came_cut_is_said() {
        let mut cut = result("meeting", "convoke");
        assert!(!table(&[cut.clone()]).contains("--receive-segments"));
        cut.receive_segments = false;
        assert!(table(&[cut]).contains("(--receive-segments no)"));
    }

    #[test]
    fn warnings_are_beneath_with_the_number_of_their_row() {
        let mut warned = result("meeting", "janus");
        warned.warnings = vec!["the generator was the bottleneck".to_owned()];
        let text = table(&[warned.clone(), result("meeting", "convoke"), warned]);
        assert!(text.contains("| meeting [1] | janus |"));
        assert!(text.contains("| meeting | convoke |"));
        assert!(text.contains("| meeting [2] | janus |"));
        assert!(text.contains("\n[2] meeting janus: the generator was the bottleneck\n"));
    }
}
