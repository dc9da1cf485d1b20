//! Which figures are drawn against which: the three plots that answer whether cost
//! grows with the load in a straight line, and where latency breaks.

use std::collections::BTreeSet;

use super::plot::{Axis, Plot, Scale, Series};
use crate::results::RunResult;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    CpuByParticipants,
    CpuByRooms,
    LatencyByRate,
}

/// The view that the runs differ in: rooms, else participants, else the rate, which
/// a ramp raises within one run.
pub fn plot_of(results: &[RunResult], view: Option<View>) -> Plot {
    match view.unwrap_or_else(|| natural(results)) {
        View::CpuByParticipants => by_run(
            results,
            ("Server CPU by participants", "participants"),
            |result| result.participants as f64,
        ),
        View::CpuByRooms => by_run(results, ("Server CPU by rooms", "rooms"), |result| {
            result.rooms as f64
        }),
        View::LatencyByRate => latency_by_rate(results),
    }
}

fn natural(results: &[RunResult]) -> View {
    let distinct =
        |of: fn(&RunResult) -> usize| results.iter().map(of).collect::<BTreeSet<_>>().len();
    if distinct(|result| result.rooms) > 1 {
        View::CpuByRooms
    } else if distinct(|result| result.participants) > 1 {
        View::CpuByParticipants
    } else {
        View::LatencyByRate
    }
}

/// A point for each run; runs repeated at the same load are drawn as their median.
fn by_run(results: &[RunResult], (title, x): (&str, &str), of: fn(&RunResult) -> f64) -> Plot {
    let points = |result: &RunResult| {
        let point = result.server_cores().map(|cores| (of(result), cores));
        point.into_iter().collect()
    };
    plot(
        title,
        (x, "server CPU (cores)", Scale::Linear),
        lines(results, points),
    )
}

fn latency_by_rate(results: &[RunResult]) -> Plot {
    let seconds = |result: &RunResult| {
        let samples = result.timeline.iter();
        samples
            .map(|sample| (sample.forwarded_per_second, sample.latency_p99_ms))
            .collect()
    };
    let whole =
        |result: &RunResult| vec![(result.forwarded_per_second(), result.media.latency.p99)];
    let ramps = results.iter().any(rises);
    let series = if ramps {
        lines(results, seconds)
    } else {
        lines(results, whole)
    };
    let axes = (
        "forwarded packets per second",
        "latency p99 (ms)",
        Scale::Log,
    );
    plot("Latency by rate", axes, series)
}

/// Whether the run itself raised the load: otherwise its seconds are one cloud.
fn rises(result: &RunResult) -> bool {
    // Whatever it raised; a rate leaves the participants as they are.
    if result.is_ramp {
        return true;
    }
    let load =
        |sample: Option<&crate::results::Sample>| sample.map_or(0, |sample| sample.participants);
    load(result.timeline.last()) > load(result.timeline.first())
}

fn plot(title: &str, (x, y, scale): (&str, &str, Scale), series: Vec<Series>) -> Plot {
    let axis = |label: &str, scale| Axis {
        label: label.to_owned(),
        scale,
    };
    Plot {
        title: title.to_owned(),
        x: axis(x, Scale::Linear),
        y: axis(y, scale),
        series,
    }
}

/// One line for each scenario and target; the scenario is named when there are two.
fn lines(results: &[RunResult], points: impl Fn(&RunResult) -> Vec<(f64, f64)>) -> Vec<Series> {
    let several = results
        .iter()
        .map(|result| &result.scenario)
        .collect::<BTreeSet<_>>()
        .len()
        > 1;
    let mut series: Vec<Series> = Vec::new();
    for result in results {
        let name = if several {
            format!("{}, {}", result.target, result.scenario)
        } else {
            result.target.clone()
        };
        let known = series.iter_mut().find(|series| series.name == name);
        match known {
            Some(series) => series.points.extend(points(result)),
            None => series.push(Series {
                name,
                points: points(result),
            }),
        }
    }
    for line in &mut series {
        line.points = medians(std::mem::take(&mut line.points));
    }
    series
}

fn medians(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| same[(same.len() - 1) / 2])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::tests::result;
    use crate::results::Sample;

    fn run(target: &str, participants: usize, cpu_seconds: f64) -> RunResult {
        let mut result = result("meeting", target);
        result.participants = participants;
        if let Some(server) = &mut result.server {
            server.cpu_seconds = cpu_seconds;
        }
        result
    }

    #[test]
    fn runs_that_differ_in_participants_are_drawn_by_them() {
        let runs = [
            run("convoke", 10, 1.0),
            run("convoke", 50, 5.0),
            run("convoke", 50, 7.0),
            run("convoke", 50, 6.0),
            run("janus", 10, 9.0),
        ];
        let plot = plot_of(&runs, None);
        assert_eq!(plot.x.label, "participants");
        assert_eq!(plot.series[0].points, [(10.0, 0.1), (50.0, 0.6)]);
        assert_eq!(plot.series[1].name, "janus");
    }

    #[test]
    fn rooms_come_first_and_a_view_may_be_asked_for() {
        let mut many = run("convoke", 50, 1.0);
        many.rooms = 10;
        let runs = [run("convoke", 5, 1.0), many];
        assert_eq!(plot_of(&runs, None).x.label, "rooms");
        let asked = plot_of(&runs, Some(View::CpuByParticipants));
        assert_eq!(asked.x.label, "participants");
    }

    #[test]
    fn a_ramp_of_the_rate_is_drawn_by_its_steps() {
        let mut ramp = run("convoke", 51, 1.0);
        let step = |rate, latency| Sample {
            participants: 51,
            forwarded_per_second: rate,
            latency_p99_ms: latency,
            ..Sample::default()
        };
        ramp.timeline = vec![step(1_000.0, 0.5), step(2_000.0, 3.0)];
        assert_eq!(plot_of(&[ramp.clone()], None).series[0].points.len(), 1);
        ramp.is_ramp = true;
        let plot = plot_of(&[ramp], None);
        assert_eq!(plot.series[0].points, [(1_000.0, 0.5), (2_000.0, 3.0)]);
    }

    #[test]
    fn a_ramp_is_drawn_by_its_seconds() {
        let mut ramp = run("convoke", 50, 1.0);
        let second = |participants, rate, latency| Sample {
            participants,
            forwarded_per_second: rate,
            latency_p99_ms: latency,
            ..Sample::default()
        };
        ramp.timeline = vec![second(10, 1_000.0, 0.5), second(20, 2_000.0, 3.0)];
        let plot = plot_of(&[ramp], None);
        assert_eq!(plot.y.label, "latency p99 (ms)");
        assert_eq!(plot.series[0].points, [(1_000.0, 0.5), (2_000.0, 3.0)]);
    }
}
