//! `/metrics` in Prometheus' text format: how busy the media workers are and what they
//! leave out. For this machine, and elsewhere with an API key: it tells how much a
//! server is used.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;
use convoke_media::runtime::WorkerLoad;

use super::AppState;
use super::extract::{Asker, ClientAddress};
use super::problem::Problem;
use crate::domain::principal::Standing;
use crate::error::CallError;

/// Version 0.0.4 of the exposition format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(
    State(state): State<AppState>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    asker: Result<Asker, Problem>,
) -> Result<impl IntoResponse, Problem> {
    // A proxy on this machine that is not listed as trusted speaks for anybody.
    let forwarded = headers.contains_key("x-forwarded-for");
    if forwarded || !from.is_loopback() {
        let Asker(who) = asker?;
        if who.standing != Standing::Backend {
            return Err(CallError::Forbidden.into());
        }
    }
    let service = &state.sessions().service;
    let (calls, participants) = service.going_on();
    let text = render(&service.media_loads(), calls, participants);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}

type Reading = fn(&WorkerLoad) -> f64;

/// Name, type, meaning and value of what is known of each worker.
const OF_WORKERS: [(&str, &str, &str, Reading); 5] = [
    (
        "convoke_media_busy_ratio",
        "gauge",
        "Share of the last half second that the worker spent working.",
        |load| load.busy,
    ),
    (
        "convoke_media_relief_level",
        "gauge",
        "What the worker leaves out for lack of time, 0 to 5.",
        |load| f64::from(load.relief),
    ),
    (
        "convoke_media_received_datagrams_total",
        "counter",
        "Datagrams received.",
        |load| load.received as f64,
    ),
    (
        "convoke_media_sent_datagrams_total",
        "counter",
        "Datagrams sent.",
        |load| load.sent as f64,
    ),
    (
        "convoke_media_dropped_datagrams_total",
        "counter",
        "Datagrams that could not be sent.",
        |load| load.dropped as f64,
    ),
];

fn render(loads: &[WorkerLoad], calls: usize, participants: usize) -> String {
    let mut text = String::new();
    for (name, kind, help, reading) in OF_WORKERS {
        head(&mut text, name, kind, help);
        for (worker, load) in loads.iter().enumerate() {
            let _ = writeln!(text, "{name}{{worker=\"{worker}\"}} {}", reading(load));
        }
    }
    for (name, help, value) in [
        ("convoke_calls", "Calls that go on here.", calls),
        (
            "convoke_participants",
            "Participants of these calls.",
            participants,
        ),
    ] {
        head(&mut text, name, "gauge", help);
        let _ = writeln!(text, "{name} {value}");
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_its_line() {
        let busy = WorkerLoad {
            busy: 0.25,
            relief: 2,
            sent: 7,
            ..WorkerLoad::default()
        };
        let text = render(&[busy, WorkerLoad::default()], 3, 12);
        for line in [
            "# TYPE convoke_media_busy_ratio gauge",
            "convoke_media_busy_ratio{worker=\"0\"} 0.25",
            "convoke_media_relief_level{worker=\"0\"} 2",
            "convoke_media_sent_datagrams_total{worker=\"0\"} 7",
            "convoke_media_sent_datagrams_total{worker=\"1\"} 0",
            "convoke_calls 3",
            "convoke_participants 12",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
