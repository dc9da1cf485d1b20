//! The binary as a process: it starts with nothing configured, answers, and stops.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by ending")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::{Server, command};

#[tokio::test]
async fn it_starts_with_nothing_configured_serves_the_page_and_stops_on_sigterm() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    for page in ["/", "/r/some-room"] {
        let (status, body) = server.get(page).await;
        assert_eq!(status, 200, "{page}");
        assert!(body.contains("<script"), "{page} is the call page: {body}");
    }
    assert_eq!(server.get("/api/v1/calls/no-such-call").await.0 / 100, 4);
    server.signal("-TERM");
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn sigint_stops_it_too() {
    let server = Server::start(&[]);
    server.signal("-INT");
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let taken = command(dir.path())
        .env("CONVOKE_HTTP_LISTEN", server.address())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1));
    assert!(message.contains(server.address()), "{message}");

    let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let taken = command(dir.path())
        .env("CONVOKE_MEDIA_PORT", &port)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1));
    assert!(message.contains(&port), "{message}");
}

#[test]
fn a_mistake_in_the_file_stops_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("convoke.toml"), "[media]\nprot = 1\n").unwrap();
    let output = command(dir.path()).arg("check-config").output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains("prot") && message.contains("convoke.toml"),
        "{message}"
    );
}

#[test]
fn check_config_prints_what_is_in_effect_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path())
        .args(["check-config", "--media-port", "5000"])
        .env("CONVOKE_API_KEYS", "a-key-to-hide")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert!(
        text.contains("port = 5000") && !text.contains("a-key-to-hide"),
        "{text}"
    );
}

#[test]
fn migrate_makes_the_database_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let status = command(dir.path()).arg("migrate").status().unwrap();
    assert!(status.success());
    let data = dir.path().join("data");
    assert!(data.join("convoke.db").exists());
    let mode = std::fs::metadata(data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn token_prints_a_link_that_enters_the_room() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path())
        .args([
            "token", "--user", "7", "--name", "Ada", "--room", "stand-up", "--ttl", "5m",
        ])
        .env("CONVOKE_PUBLIC_URL", "https://calls.example.org")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let link = "https://calls.example.org/r/stand-up#token=ey";
    assert!(text.contains(link), "{text}");
}
