//! The WebSocket's own limits: size, silence, slow readers, foreign pages, numbers.

use std::net::SocketAddr;
use std::time::Duration;

use convoke_media::control::{Event, Speaker};
use convoke_media::ids::RouterId;
use convoke_signaling::http::HttpConfig;
use convoke_signaling::service::CallConfig;
use convoke_signaling::session::limits::IDLE_PINGS;
use convoke_signaling::session::{AdmissionLimits, SessionConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::common::{Engine, TestDb};
use crate::served::{Served, Setup};
use crate::socket::Socket;

#[tokio::test]
async fn a_message_that_is_too_big_ends_its_session_only() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    let mut ben = served.enter("2").await;
    // The largest that is allowed is answered.
    ann.send_raw(Message::text("x".repeat(512 * 1024))).await;
    assert_eq!(ann.expect_error().await, "bad_message");
    ann.send_raw(Message::text("x".repeat(512 * 1024 + 1)))
        .await;
    assert_eq!(ann.closed().await, 1009);
    ben.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(ben.closed().await, 1003);
    let mut other = served.enter("3").await;
    other.join("standup").await;
}

#[tokio::test]
async fn silence_before_hello_and_after_it_is_not_waited_for() {
    let db = TestDb::new(Engine::Sqlite).await;
    let short = Duration::from_millis(100);
    let sessions = SessionConfig {
        hello_timeout: short,
        ..SessionConfig::default()
    };
    let served = Served::with(
        &db,
        Setup {
            sessions,
            ..Setup::default()
        },
    )
    .await;
    assert_eq!(served.connect().await.closed().await, 4000);

    let served = pinging(&db).await;
    let mut ann = served.enter("1").await;
    // A client that reads answers the pings, and is not silent. Its reading is what
    // the wait for a code that does not come does.
    let reading = tokio::time::timeout(5 * PING_INTERVAL, ann.next()).await;
    assert!(reading.is_err(), "{reading:?}");
    let mut silent = RawSocket::open(served.address).await;
    assert_eq!(silent.close_code().await, 4001);
}

const PING_INTERVAL: Duration = Duration::from_millis(400);

async fn pinging(db: &TestDb) -> Served {
    let sessions = SessionConfig {
        ping_interval: PING_INTERVAL,
        ..SessionConfig::default()
    };
    let setup = Setup {
        sessions,
        ..Setup::default()
    };
    Served::with(db, setup).await
}

#[tokio::test]
async fn who_speaks_is_not_pinged() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = pinging(&db).await;
    let mut ann = served.enter("1").await;
    let mut pings = 0;
    for _ in 0..12 {
        ann.send(json!({"type": "ping"})).await;
        while let Some(frame) = ann.frame_within(PING_INTERVAL / 4).await {
            pings += u32::from(frame.is_ping());
        }
    }
    // One greets the connection.
    assert!(pings <= 1, "{pings}");
}

#[tokio::test]
async fn a_foreign_name_for_us_is_refused_where_guests_are_admitted() {
    let db = TestDb::new(Engine::Sqlite).await;
    for (guests, status) in [(true, Some(403)), (false, None)] {
        let setup = Setup {
            guests,
            ..Setup::default()
        };
        let served = Served::with(&db, setup).await;
        let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
        let refused = match Socket::open(served.address, &rebound).await {
            Err(Error::Http(response)) => Some(response.status().as_u16()),
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        };
        assert_eq!(refused, status, "guests: {guests}");
        served.connect().await;
    }
}

#[test]
fn a_client_that_went_without_a_word_is_out_within_thirty_seconds() {
    let (sessions, calls) = (SessionConfig::default(), CallConfig::default());
    let silence = IDLE_PINGS * sessions.ping_interval;
    assert!(silence + calls.grace <= Duration::from_secs(30));
    assert!(calls.grace > silence, "a client needs time to notice");
    assert_eq!(sessions.resume_window, calls.grace);
}

/// A WebSocket written by hand, which answers no ping.
struct RawSocket(tokio::net::TcpStream);

impl RawSocket {
    async fn open(address: SocketAddr) -> Self {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        Self(stream)
    }

    /// Frames of the server are not masked and here all short (RFC 6455 §5.2).
    async fn close_code(&mut self) -> u16 {
        loop {
            let opcode = self.0.read_u8().await.unwrap() & 0x0f;
            let length = usize::from(self.0.read_u8().await.unwrap());
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            if opcode == 8 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_closed_and_the_others_are_not() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut slow = served.enter("1").await;
    let mut quick = served.enter("2").await;
    let joined = slow.join("standup").await;
    quick.join("standup").await;
    let call: convoke_signaling::ids::CallId =
        joined["call"]["id"].as_str().unwrap().parse().unwrap();
    let participant = joined["you"]["id"].as_str().unwrap();
    let participant: convoke_signaling::ids::ParticipantId = participant.parse().unwrap();
    // Nothing is read from `slow` while far more is said than sockets buffer.
    let mut lost = false;
    for level in 0..20_000_u32 {
        let speaker = |n: u32| Speaker {
            participant: participant.into(),
            level: (n % 128) as u8,
        };
        let speakers = (level..level + 50).map(speaker).collect();
        let event = Event::Speaking {
            router: RouterId::from(call),
            speakers,
        };
        served.world.media_events.send(event).await.unwrap();
        let news = quick.next().await.unwrap();
        if news["type"] == "participant_changed" {
            assert_eq!(news["participant"]["connection"], "reconnecting");
            lost = true;
            break;
        }
    }
    assert!(lost, "the slow reader was never closed");
    assert_eq!(slow.closed().await, 1013);
    // It may come back at once.
    let mut back = served.connect().await;
    let resume = &joined["resumeToken"];
    back.send(json!({"type": "hello", "protocol": 1, "resume": resume}))
        .await;
    back.expect("welcome").await;
    back.expect("joined").await;
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

#[tokio::test]
async fn pages_of_other_sites_get_no_session() {
    let db = TestDb::new(Engine::Sqlite).await;
    let http = HttpConfig {
        allowed_origins: vec!["https://app.example.org".to_owned()],
        ..HttpConfig::default()
    };
    let served = Served::with(
        &db,
        Setup {
            http,
            ..Setup::default()
        },
    )
    .await;
    let own = format!("http://{}", served.address);
    let cases = [
        (own.as_str(), 101),
        ("https://app.example.org", 101),
        ("https://evil.example", 403),
        ("null", 403),
    ];
    for (origin, want) in cases {
        let opened = Socket::open(served.address, &[("origin", origin)]).await;
        assert_eq!(status(opened), want, "{origin}");
    }
}

#[tokio::test]
async fn sessions_are_counted_by_address_and_in_all() {
    let db = TestDb::new(Engine::Sqlite).await;
    let http = HttpConfig {
        admission: AdmissionLimits {
            total: 3,
            per_address: 2,
        },
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..HttpConfig::default()
    };
    let served = Served::with(
        &db,
        Setup {
            http,
            ..Setup::default()
        },
    )
    .await;
    let from = async |address: &'static str| {
        Socket::open(served.address, &[("x-forwarded-for", address)]).await
    };
    let first = from("192.0.2.1").await.unwrap();
    let _second = from("192.0.2.1").await.unwrap();
    assert_eq!(status(from("192.0.2.1").await), 429);
    let _third = from("192.0.2.2").await.unwrap();
    assert_eq!(status(from("192.0.2.3").await), 503);
    drop(first);
    let admitted = async || from("192.0.2.1").await.ok();
    crate::common::eventually("a place is free again", admitted).await;
}

#[tokio::test]
async fn a_stop_ends_the_sessions_and_is_waited_for() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    ann.join("standup").await;
    let address = served.address;
    let (code, ()) = tokio::join!(ann.closed(), served.shut_down());
    assert_eq!(code, 1001);
    assert!(Socket::open(address, &[]).await.is_err());
}
