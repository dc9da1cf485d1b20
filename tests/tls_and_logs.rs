//! HTTPS from files, and what the log gives away: nothing.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by ending")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use common::command;

const CANARY: &str = "canary-that-no-log-may-hold";

/// Starts the server with `settings`, lets `visit` do something with its URL, stops it.
/// Returns what `visit` did and everything that was logged.
fn served<T>(
    dir: &std::path::Path,
    settings: &[(&str, &str)],
    visit: impl FnOnce(&str) -> T,
) -> (T, String) {
    let mut child = command(dir)
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = printed.find_map(|line| {
        let line = line.unwrap();
        let at = line.find("http")?;
        Some(line[at..].trim().trim_end_matches('/').to_owned())
    });
    let visited = visit(&url.expect("no address was printed"));
    let pid = child.id().to_string();
    let stopped = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(stopped.success());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!(status.success(), "{status}");
    let printed = printed.map(Result::unwrap).collect::<Vec<_>>().join("\n");
    let logged = String::from_utf8(stderr).unwrap();
    (visited, format!("{printed}\n{logged}"))
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_json_log_is_json_and_holds_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = served(dir.path(), &[("CONVOKE_LOG_FORMAT", "json")], |url| {
        let bearer = format!("authorization: Bearer {CANARY}");
        curl(&[
            "--header",
            &bearer,
            &format!("{url}/api/v1/calls/none?token={CANARY}"),
        ]);
        curl(&[&format!("{url}/r/room?jwt={CANARY}")]);
    });
    assert!(!log.contains(CANARY), "{log}");
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let parsed = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let levels = parsed.map(|line| line["level"].as_str().unwrap().to_owned());
    assert!(levels.count() > 2, "{log}");
}

#[test]
fn the_log_for_people_holds_no_token_either() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = served(dir.path(), &[], |url| {
        curl(&[&format!("{url}/r/room?jwt={CANARY}")]);
    });
    assert!(log.contains("stopped"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}

#[test]
fn certificate_files_make_it_https() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .current_dir(dir.path())
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let cert = dir.path().join("cert.pem").display().to_string();
    let key = dir.path().join("key.pem").display().to_string();
    let settings = [
        ("CONVOKE_HTTP_TLS_CERT", cert.as_str()),
        ("CONVOKE_HTTP_TLS_KEY", key.as_str()),
    ];
    let (page, _) = served(dir.path(), &settings, |url| {
        assert!(url.starts_with("https://"), "{url}");
        curl(&["--cacert", &cert, &format!("{url}/")])
    });
    assert!(page.contains("<script"), "{page}");
}
