//! The load tester whole: it starts the server, loads it with a few clients for a
//! moment, and leaves its reports. No figure is judged: this is no place to measure.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by ending")]

use std::fs;
use std::process::Command;

use serde_json::Value;

fn bench(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_convoke"))
        .arg("bench")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_server_is_started_loaded_and_reported_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (json, plot) = (path("json"), path("plot.svg"));
    let (ok, stdout, stderr) = bench(&[
        "rooms_of_5",
        "--rooms",
        "1",
        "--participants",
        "3",
        "--seconds",
        "2",
        "--json",
        &json,
        "--plot",
        &plot,
    ]);
    assert!(ok, "{stderr}");
    assert!(stdout.contains("| rooms_of_5"), "{stdout}");
    assert!(stderr.contains("3 participants"), "{stderr}");

    let files: Vec<_> = fs::read_dir(json).unwrap().collect();
    assert_eq!(files.len(), 1);
    let record = fs::read(files[0].as_ref().unwrap().path()).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let result = &record["result"];
    assert_eq!(result["joins"]["connected"], 3, "{record:#}");
    assert!(result["media"]["forwarded"].as_u64().unwrap() > 0);
    assert!(result["server"]["cpu_seconds"].as_f64().unwrap() > 0.0);
    assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
}

#[test]
fn the_scenarios_are_listed_and_an_unknown_one_is_named() {
    let (ok, stdout, _) = bench(&["--list"]);
    assert!(ok && stdout.contains("one_to_many"), "{stdout}");
    let (ok, _, stderr) = bench(&["no_such_scenario"]);
    assert!(!ok && stderr.contains("no_such_scenario"), "{stderr}");
}
