//! The load tester against the binary: real clients on real sockets, one second each.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by ending")]

mod common;

use common::Server;
use convoke_bench::engine::{Options, run};
use convoke_bench::results::RunResult;
use convoke_bench::scenario::Scenario;
use convoke_bench::target::{ConvokeTarget, Target};

fn play(server: &Server, scenario: &str) -> RunResult {
    let scenario = Scenario::from_toml(scenario).unwrap();
    let target = Target::Convoke(ConvokeTarget::new(server.address(), None).unwrap());
    let options = Options {
        server_pid: Some(server.pid()),
        ..Options::default()
    };
    let mut points = 0;
    let result = run(&scenario, &target, &options, |_| points += 1).unwrap();
    assert_eq!(points, result.timeline.len());
    assert_eq!(result.joins.refused, Default::default());
    assert_eq!(result.joins.connected, result.joins.asked);
    assert!(result.joins.connected_ms.p50 > 0.0);
    result
}

#[test]
fn a_meeting_of_three_is_seen_and_heard_without_loss() {
    let server = Server::start(&[]);
    let result = play(
        &server,
        r#"
        name = "three"
        [[groups]]
        name = "member"
        count = 3
        publish = ["microphone", "camera"]
        audio_slots = 2
        audio = "pinned"
        video_slots = 2
        video = "pinned"
        tile = [320, 180]
        [media.audio]
        share = 1.0
        [phases]
        settle_seconds = 1
        measure_seconds = 2
        grace_seconds = 0.5
        "#,
    );
    let media = &result.media;
    // Each gets two voices, 50 packets a second, and two pictures, 30.
    assert!(media.forwarded > 3 * 2 * 2 * 60, "{media:?}");
    assert_eq!(media.lost, 0, "{media:?}");
    assert!(media.latency.p50 > 0.0 && media.latency.count > 0);
    let layers: Vec<&str> = media.bitrate.keys().map(String::as_str).collect();
    assert_eq!(layers, ["audio", "video/q"], "{media:?}");
    assert!(result.server.as_ref().unwrap().cpu_seconds > 0.0);
    assert_that_a_join_costs_the_others_little(&result);
}

/// Who joins gets an answer; the others a message or two, no SDP.
fn assert_that_a_join_costs_the_others_little(result: &RunResult) {
    let joins = &result.joins;
    let bytes = |mean: Option<f64>| mean.unwrap();
    let own = bytes(joins.signaling_bytes_own);
    let others = bytes(joins.signaling_bytes_others);
    assert!(others > 100.0 && others < 2_000.0, "{joins:?}");
    assert!(own > others && own < 50_000.0, "{joins:?}");
    assert!(bytes(joins.signaling_bytes_sent) > 1_000.0, "{joins:?}");
}

#[test]
fn a_steady_stream_reaches_all_whole() {
    let server = Server::start(&[]);
    let result = play(
        &server,
        r#"
        name = "steady"
        [[groups]]
        name = "publisher"
        count = 1
        publish = ["camera"]
        [[groups]]
        name = "viewer"
        count = 4
        video_slots = 1
        video = "pinned"
        [media]
        packets_per_second = 300
        [phases]
        settle_seconds = 1
        measure_seconds = 2
        grace_seconds = 0.5
        "#,
    );
    let media = &result.media;
    assert!((560..=640).contains(&media.published), "{media:?}");
    // What is on its way when the window begins and ends differs by a burst at most.
    assert!(
        media.forwarded.abs_diff(4 * media.published) <= 4 * 10,
        "{media:?}"
    );
    assert_eq!((media.lost, media.duplicates), (0, 0), "{media:?}");
}
