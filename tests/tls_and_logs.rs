//! HTTPS from files, and what the log gives away: nothing.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by ending")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use common::{PATIENCE, command};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

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
    // Read while it runs: a full pipe would stop the server.
    let mut errors = child.stderr.take().unwrap();
    let logged = std::thread::spawn(move || std::io::read_to_string(&mut errors).unwrap());
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
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    let printed = printed.map(Result::unwrap).collect::<Vec<_>>().join("\n");
    let logged = logged.join().unwrap();
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
    let parsed = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
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

/// By HTTP, as a browser and as the backend.
fn ask_with_canary(url: &str) {
    let path = format!("{url}/api/v1/calls/none?token={CANARY}");
    for name in ["authorization: Bearer", "x-api-key:", "cookie:"] {
        curl(&["--header", &format!("{name} {CANARY}"), &path]);
    }
}

/// By Socket.IO: what opens a connection (Engine.IO 4), then the token in its handshake.
fn connect_with_canary(url: &str) {
    let polling = format!("{url}/socket.io/?EIO=4&transport=polling");
    let opened = curl(&[&polling]);
    let opened: Value = serde_json::from_str(opened.trim_start_matches('0')).unwrap();
    let session = format!("{polling}&sid={}", opened["sid"].as_str().unwrap());
    let connect = format!("40{}", json!({"token": CANARY}));
    assert_eq!(curl(&["--data", &connect, &session]), "ok");
    let refused = curl(&[&session]);
    assert!(refused.contains("unauthorized"), "{refused}");
}

/// Says `messages` on a socket of its own and returns the answer to each.
async fn said(url: &str, messages: &[Value]) -> Vec<Value> {
    let address = url.replacen("http", "ws", 1) + "/ws";
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let mut answers = Vec::new();
    for message in messages {
        let text = Message::text(message.to_string());
        socket.send(text).await.unwrap();
        let answer = loop {
            let frame = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
            if let Message::Text(text) = frame.unwrap().unwrap() {
                break serde_json::from_str(&text).unwrap();
            }
        };
        answers.push(answer);
    }
    answers
}

/// A collector that is set to everything is where secrets leak: libraries log the
/// frames and statements that they carry.
#[test]
fn not_even_the_whole_log_holds_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let (answers, log) = served(dir.path(), &[("CONVOKE_LOG", "trace")], |url| {
        ask_with_canary(url);
        connect_with_canary(url);
        let hello = |key: &str, value: &str| json!({"type": "hello", "protocol": 1, key: value});
        let join = json!({"type": "join", "request": 1, "room": "room"});
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let wrong = said(url, &[hello("token", CANARY)]).await;
            let lost = said(url, &[hello("resume", CANARY)]).await;
            let in_call = said(url, &[hello("name", CANARY), join]).await;
            let resume = in_call[1]["resumeToken"].as_str().unwrap();
            let resumed = said(url, &[hello("resume", resume)]).await;
            [wrong, lost, in_call, resumed]
        })
    });
    let [wrong, lost, in_call, resumed] = &answers;
    assert_eq!(wrong[0]["code"], "unauthorized");
    assert_eq!(lost[0]["code"], "resume_failed");
    assert_eq!(resumed[0]["resumed"], true);
    assert!(log.contains("TRACE"), "{log}");
    let issued = in_call.iter().chain(resumed);
    let issued = issued.map(|answer| answer["resumeToken"].as_str().unwrap());
    for secret in issued.chain([CANARY]) {
        let said = log.lines().find(|line| line.contains(secret));
        assert_eq!(said, None, "a secret is in the log");
    }
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
