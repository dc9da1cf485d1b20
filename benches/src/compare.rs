//! Two targets in turn. A machine's speed drifts while it is measured, so each pair
//! is run in the opposite order of the one before (A B B A …), only runs of one pair
//! are divided by each other, and the median of the pairs' ratios is the answer.

use crate::report::markdown::{bytes, push_row};
use crate::report::text::{or_dash, percent, significant, thousands};
use crate::results::RunResult;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `--target`.
    A,
    /// `--vs`.
    B,
}

/// One run of each.
#[derive(Debug, Clone)]
pub struct Pair {
    pub a: RunResult,
    pub b: RunResult,
}

/// A divided by B, where both were measured and B is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ratios {
    pub packets_per_cpu_second: Option<f64>,
    pub latency_p50: Option<f64>,
    pub latency_p99: Option<f64>,
    pub loss: Option<f64>,
    pub memory: Option<f64>,
}

pub fn order(pairs: usize) -> impl Iterator<Item = [Side; 2]> {
    (0..pairs).map(|pair| match pair % 2 {
        0 => [Side::A, Side::B],
        _ => [Side::B, Side::A],
    })
}

/// Runs the pairs one after another; the first failure ends it.
pub fn run_pairs<E>(
    pairs: usize,
    mut run: impl FnMut(Side) -> Result<RunResult, E>,
) -> Result<Vec<Pair>, E> {
    order(pairs)
        .map(|[first, second]| {
            let (one, other) = (run(first)?, run(second)?);
            Ok(match first {
                Side::A => Pair { a: one, b: other },
                Side::B => Pair { a: other, b: one },
            })
        })
        .collect()
}

impl Pair {
    pub fn ratios(&self) -> Ratios {
        let latency = |of: fn(&RunResult) -> f64| {
            let measured = |run: &RunResult| run.media.latency.count > 0;
            let both = measured(&self.a) && measured(&self.b);
            both.then(|| divided(Some(of(&self.a)), Some(of(&self.b))))
                .flatten()
        };
        let both = |of: fn(&RunResult) -> Option<f64>| divided(of(&self.a), of(&self.b));
        Ratios {
            packets_per_cpu_second: both(RunResult::packets_per_cpu_second),
            latency_p50: latency(|run| run.media.latency.p50),
            latency_p99: latency(|run| run.media.latency.p99),
            loss: both(|run| Some(run.media.loss())),
            memory: both(RunResult::bytes_per_participant),
        }
    }
}

fn divided(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    let ratio = a? / b.filter(|b| *b > 0.0)?;
    ratio.is_finite().then_some(ratio)
}

pub fn median(pairs: &[Pair]) -> Ratios {
    let of = |ratio: fn(Ratios) -> Option<f64>| {
        middle(
            pairs
                .iter()
                .filter_map(|pair| ratio(pair.ratios()))
                .collect(),
        )
    };
    Ratios {
        packets_per_cpu_second: of(|ratios| ratios.packets_per_cpu_second),
        latency_p50: of(|ratios| ratios.latency_p50),
        latency_p99: of(|ratios| ratios.latency_p99),
        loss: of(|ratios| ratios.loss),
        memory: of(|ratios| ratios.memory),
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.len() % 2, values.get(half)) {
        (0, Some(upper)) => Some(f64::midpoint(*upper, values[half - 1])),
        (_, middle) => middle.copied(),
    }
}

/// Figures of A and of B with their ratio, pair by pair, and the median.
pub fn table(pairs: &[Pair]) -> String {
    let Some(first) = pairs.first() else {
        return String::new();
    };
    let mut text = format!(
        "{}: {} ÷ {}\n\n",
        first.a.scenario, first.a.target, first.b.target
    );
    let columns = [
        "pair",
        "packets per CPU-second",
        "latency p50 (ms)",
        "latency p99 (ms)",
        "loss",
        "memory per participant",
    ];
    push_row(&mut text, columns.map(str::to_owned));
    push_row(&mut text, columns.map(|_| "---:".to_owned()));
    for (index, pair) in pairs.iter().enumerate() {
        push_row(&mut text, row(index + 1, pair));
    }
    let median = median(pairs);
    let ratios = [
        median.packets_per_cpu_second,
        median.latency_p50,
        median.latency_p99,
        median.loss,
        median.memory,
    ];
    let cells = ratios.map(|ratio| format!("**{}**", or_dash(ratio, times)));
    push_row(&mut text, ["median".to_owned()].into_iter().chain(cells));
    text
}

fn row(number: usize, pair: &Pair) -> [String; 6] {
    let ratios = pair.ratios();
    let latency = |of: fn(&RunResult) -> f64| {
        move |run: &RunResult| (run.media.latency.count > 0).then(|| of(run))
    };
    [
        number.to_string(),
        cell(
            pair,
            RunResult::packets_per_cpu_second,
            ratios.packets_per_cpu_second,
            thousands,
        ),
        cell(
            pair,
            latency(|run| run.media.latency.p50),
            ratios.latency_p50,
            significant,
        ),
        cell(
            pair,
            latency(|run| run.media.latency.p99),
            ratios.latency_p99,
            significant,
        ),
        cell(pair, |run| Some(run.media.loss()), ratios.loss, percent),
        cell(pair, RunResult::bytes_per_participant, ratios.memory, bytes),
    ]
}

fn cell(
    pair: &Pair,
    figure: impl Fn(&RunResult) -> Option<f64>,
    ratio: Option<f64>,
    show: impl Fn(f64) -> String,
) -> String {
    format!(
        "{} ÷ {} = {}",
        or_dash(figure(&pair.a), &show),
        or_dash(figure(&pair.b), &show),
        or_dash(ratio, times)
    )
}

fn times(ratio: f64) -> String {
    format!("{}×", significant(ratio))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::tests::result;

    fn run(side: Side, cpu_seconds: f64) -> RunResult {
        let target = match side {
            Side::A => "convoke",
            Side::B => "janus",
        };
        let mut run = result("one-to-many", target);
        if let Some(server) = &mut run.server {
            server.cpu_seconds = cpu_seconds;
        }
        run
    }

    #[test]
    fn pairs_alternate_so_that_drift_cancels() {
        let sides: Vec<Side> = order(4).flatten().collect();
        use Side::{A, B};
        assert_eq!(sides, [A, B, B, A, A, B, B, A]);
    }

    #[test]
    fn each_run_is_on_its_side_and_the_median_is_of_the_ratios() {
        // The machine gets slower: every run takes a tenth longer than the one before.
        let mut slowness = 1.0;
        let pairs = run_pairs(3, |side| {
            slowness *= 1.1;
            let cpu = match side {
                Side::A => 0.3,
                Side::B => 3.0,
            };
            Ok::<_, ()>(run(side, cpu * slowness))
        })
        .unwrap();
        assert!(
            pairs
                .iter()
                .all(|pair| pair.a.target == "convoke" && pair.b.target == "janus")
        );
        let ratios: Vec<f64> = pairs
            .iter()
            .filter_map(|pair| pair.ratios().packets_per_cpu_second)
            .collect();
        assert!((ratios[0] - 11.0).abs() < 1e-9 && (ratios[1] - 10.0 / 1.1).abs() < 1e-9);
        assert_eq!(median(&pairs).packets_per_cpu_second, Some(ratios[0]));
    }

    #[test]
    fn what_cannot_be_divided_has_no_ratio() {
        let mut pair = Pair {
            a: run(Side::A, 0.3),
            b: run(Side::B, 3.0),
        };
        pair.b.media.lost = 0;
        pair.b.server = None;
        pair.b.media.latency.count = 0;
        assert_eq!(pair.ratios(), Ratios::default());
        let text = table(&[pair]);
        assert!(
            text.contains("| 1 | 500,000 ÷ – = – | 0.400 ÷ – = – |"),
            "{text}"
        );
        assert!(text.contains("| 0.010 % ÷ 0 % = – |"), "{text}");
    }

    #[test]
    fn the_table_has_pairs_and_their_median() {
        let pair = |cpu| Pair {
            a: run(Side::A, 0.3),
            b: run(Side::B, cpu),
        };
        let text = table(&[pair(3.0), pair(6.0)]);
        assert!(text.starts_with("one-to-many: convoke ÷ janus\n"));
        assert!(text.contains("| 1 | 500,000 ÷ 50,000 = 10.0× |"), "{text}");
        assert!(text.contains("| 2 | 500,000 ÷ 25,000 = 20.0× |"), "{text}");
        assert!(
            text.contains("| median | **15.0×** | **1.00×** |"),
            "{text}"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn a_failure_ends_the_comparison() {
        let mut runs = 0;
        let failed = run_pairs(3, |side| {
            runs += 1;
            if side == Side::B {
                Err("refused")
            } else {
                Ok(run(side, 1.0))
            }
        });
        assert_eq!((failed.err(), runs), (Some("refused"), 2));
    }
}
