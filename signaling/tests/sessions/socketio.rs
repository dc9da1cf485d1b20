//! Socket.IO's own limits, over both of its transports: who gets in, silence, size,
//! rate, slow readers, foreign pages, numbers, the end. What its events do is tested
//! with their dialects.

use std::sync::atomic::Ordering;
use std::time::Duration;

use convoke_media::control::{Event, Speaker};
use convoke_media::ids::RouterId;
use convoke_signaling::http::HttpConfig;
use convoke_signaling::ids::{CallId, ParticipantId};
use convoke_signaling::session::{AdmissionLimits, SessionConfig};
use serde_json::{Value, json};

use crate::common::{Engine, TestDb, eventually};
use crate::served::{Served, Setup, TOKEN_LIFETIME};
use crate::sio::{BOTH, By, Sio, whole_http};
use crate::socket::Socket;

/// A connection that entered `/calls` as `user` and was welcomed.
async fn enter(served: &Served, by: By, user: &str) -> Sio {
    let mut client = Sio::open(served.address, by, "", &[]).await.unwrap();
    let auth = json!({"token": served.token(user, None, false)});
    client.enter("/calls", &auth).await.unwrap();
    client.expect_sfu("welcome").await;
    client
}

/// With the database, which ends with it.
async fn serve(setup: Setup) -> (TestDb, Served) {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::with(&db, setup).await;
    (db, served)
}

#[tokio::test]
async fn a_token_comes_in_auth_in_a_header_or_in_the_query() {
    let (_db, served) = serve(Setup::default()).await;
    let token = served.token("1", None, false);
    let bearer = format!("Bearer {token}");
    let query = format!("&token={token}");
    let none: &[(&str, &str)] = &[];
    let header: &[(&str, &str)] = &[("authorization", &bearer)];
    let cases = [
        ("", none, json!({"token": token})),
        ("", none, json!({"token": bearer})),
        ("", header, json!({})),
        (&query, none, json!({})),
    ];
    for by in BOTH {
        for (query, headers, auth) in &cases {
            let mut client = Sio::open(served.address, by, query, headers).await.unwrap();
            for namespace in ["/calls", "/"] {
                let entered = client.enter(namespace, auth).await;
                assert_eq!(entered, Ok(()), "{by:?} {namespace} {auth}");
                if namespace == "/calls" {
                    let welcome = client.expect_sfu("welcome").await;
                    assert_eq!(welcome["user"]["id"], "1");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_handshake_without_a_good_token_is_told_why() {
    let (_db, served) = serve(Setup::default()).await;
    let expired = served.token("1", None, false);
    served.world.clock.advance(TOKEN_LIFETIME);
    for by in BOTH {
        let cases = [
            (json!({}), "unauthorized: A valid token is needed"),
            (json!({"token": 7}), "unauthorized: A valid token is needed"),
            (json!([]), "unauthorized: A valid token is needed"),
            (
                json!({"token": "a.b.c"}),
                "unauthorized: the token is not valid here",
            ),
            (
                json!({"token": expired}),
                "unauthorized: the token has expired",
            ),
        ];
        for (auth, want) in cases {
            let mut client = Sio::open(served.address, by, "", &[]).await.unwrap();
            for namespace in ["/", "/calls"] {
                let refused = client.enter(namespace, &auth).await.unwrap_err();
                assert_eq!(refused, want, "{by:?} {auth}");
            }
        }
        let mut client = Sio::open(served.address, by, "", &[]).await.unwrap();
        let refused = client.enter("/nowhere", &json!({})).await.unwrap_err();
        assert_eq!(refused, "Invalid namespace");
    }
}

#[tokio::test]
async fn a_connection_that_enters_nothing_is_closed() {
    let sessions = SessionConfig {
        hello_timeout: Duration::from_millis(200),
        ..SessionConfig::default()
    };
    let setup = Setup {
        sessions,
        ..Setup::default()
    };
    let (_db, served) = serve(setup).await;
    for by in BOTH {
        let mut silent = Sio::open(served.address, by, "", &[]).await.unwrap();
        silent.closed().await;
        let mut refused = Sio::open(served.address, by, "", &[]).await.unwrap();
        refused.enter("/calls", &json!({})).await.unwrap_err();
        refused.closed().await;
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_lost() {
    let sessions = SessionConfig {
        ping_interval: Duration::from_millis(200),
        ..SessionConfig::default()
    };
    let setup = Setup {
        sessions,
        ..Setup::default()
    };
    let (_db, served) = serve(setup).await;
    for by in BOTH {
        let mut client = enter(&served, by, "1").await;
        // Reading answers none: this is below the pings.
        while let Some(packets) = client.receive().await {
            if packets.iter().any(|packet| packet.starts_with('1')) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn connections_are_counted_with_the_websockets_by_address_and_in_all() {
    let http = HttpConfig {
        admission: AdmissionLimits {
            total: 3,
            per_address: 2,
        },
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..HttpConfig::default()
    };
    let setup = Setup {
        http,
        ..Setup::default()
    };
    let (_db, served) = serve(setup).await;
    let from = async |by, address: &'static str| {
        Sio::open(served.address, by, "", &[("x-forwarded-for", address)]).await
    };
    let first = from(By::WebSocket, "192.0.2.1").await.unwrap();
    let native = &[("x-forwarded-for", "192.0.2.1")];
    let _second = Socket::open(served.address, native).await.unwrap();
    for by in BOTH {
        assert_eq!(from(by, "192.0.2.1").await.err(), Some(429));
    }
    let mut third = from(By::Polling, "192.0.2.2").await.unwrap();
    for by in BOTH {
        assert_eq!(from(by, "192.0.2.3").await.err(), Some(503));
    }
    drop(first);
    let admitted = async || from(By::WebSocket, "192.0.2.1").await.ok();
    let _fourth = eventually("a place is free again", admitted).await;
    // A polling client that says goodbye gives its place back as well.
    third.send("1".to_owned()).await;
    let admitted = async || from(By::Polling, "192.0.2.2").await.ok();
    eventually("a place is free again", admitted).await;
}

#[tokio::test]
async fn pages_of_other_sites_get_no_connection_and_allowed_ones_may_read() {
    let http_config = HttpConfig {
        allowed_origins: vec!["https://app.example.org".to_owned()],
        ..HttpConfig::default()
    };
    let setup = Setup {
        http: http_config,
        ..Setup::default()
    };
    let (_db, served) = serve(setup).await;
    let own = format!("http://{}", served.address);
    let cases = [
        (own.as_str(), None),
        ("https://app.example.org", None),
        ("https://evil.example", Some(403)),
        ("null", Some(403)),
    ];
    for by in BOTH {
        for (origin, want) in cases {
            let headers = &[("origin", origin)];
            let opened = Sio::open(served.address, by, "", headers).await;
            assert_eq!(opened.err(), want, "{by:?} {origin}");
        }
    }
    let path = "/socket.io/?EIO=4&transport=polling";
    let allowed = &[
        ("origin", "https://app.example.org"),
        ("access-control-request-method", "POST"),
    ];
    let foreign = &[("origin", "https://evil.example")];
    for method in ["GET", "OPTIONS"] {
        let (_, head, _) = whole_http(served.address, method, path, allowed, "").await;
        let header = "access-control-allow-origin: https://app.example.org";
        assert!(head.contains(header), "{method} {head}");
        let (_, head, _) = whole_http(served.address, method, path, foreign, "").await;
        assert!(!head.contains("allow-origin"), "{method} {head}");
    }
}

#[tokio::test]
async fn a_packet_that_is_too_big_ends_its_connection_only() {
    let (_db, served) = serve(Setup::default()).await;
    for by in BOTH {
        let mut ann = enter(&served, by, "1").await;
        let mut ben = enter(&served, by, "2").await;
        let most = 512 * 1024 - 60;
        ann.emit("sfu", &json!({"type": "x".repeat(most)})).await;
        assert_eq!(ann.expect_sfu("error").await["code"], "bad_message");
        ann.emit("sfu", &json!({"type": "x".repeat(most + 100)}))
            .await;
        ann.closed().await;
        ben.emit("sfu", &json!({"type": "ping"})).await;
        ben.expect_sfu("pong").await;
    }
}

#[tokio::test]
async fn whatever_is_said_is_answered_or_ignored() {
    let (_db, served) = serve(Setup::default()).await;
    for by in BOTH {
        let mut client = enter(&served, by, "1").await;
        for payload in [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({"type": []}),
        ] {
            let answer = client.ask("sfu", &payload).await;
            assert_eq!(answer, json!({"success": true}));
            assert_eq!(client.expect_sfu("error").await["code"], "bad_message");
        }
        client.send("42/calls,[17]".to_owned()).await;
        // An event without a name is the library's to refuse: it ends the connection.
        client.closed().await;
        let mut client = enter(&served, by, "1").await;
        let before = served.state.unknown_events().load(Ordering::Relaxed);
        client.emit("tic", &json!({})).await;
        client.emit("tac", &json!({})).await;
        client.ask("sfu", &json!({"type": "ping"})).await;
        let after = served.state.unknown_events().load(Ordering::Relaxed);
        assert_eq!(after - before, 2);
        let name = "x".repeat(65);
        let refused = client.ask(&name, &json!({})).await;
        assert_eq!(refused["error"]["code"], "malformed");
        // Binary attachments have no use here.
        client
            .send("451-/calls,[\"x\",{\"_placeholder\":true,\"num\":0}]".to_owned())
            .await;
        client.closed().await;
    }
}

#[tokio::test]
async fn who_says_too_much_is_told_and_then_not_listened_to() {
    let (_db, served) = serve(Setup::default()).await;
    for by in BOTH {
        let mut loud = enter(&served, by, "1").await;
        let mut quiet = enter(&served, by, "2").await;
        let burst: Vec<_> = (0..200).map(|_| "42/calls,[\"noise\"]").collect();
        match by {
            By::Polling => loud.send(burst.join("\u{1e}")).await,
            By::WebSocket => {
                for packet in &burst {
                    loud.send((*packet).to_owned()).await;
                }
            }
        }
        // The last word before the end is the reason for it.
        let mut last = Value::Null;
        while let Some((event, payload)) = loud.event().await {
            assert_eq!(event, "call_error");
            last = payload;
        }
        assert_eq!(last["error"]["code"], "misbehaved", "{by:?}");
        quiet.emit("sfu", &json!({"type": "ping"})).await;
        quiet.expect_sfu("pong").await;
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_lost_and_the_others_are_not() {
    let sessions = SessionConfig {
        ping_interval: Duration::from_millis(500),
        ..SessionConfig::default()
    };
    let setup = Setup {
        sessions,
        ..Setup::default()
    };
    let (_db, served) = serve(setup).await;
    for by in BOTH {
        let mut slow = enter(&served, by, "1").await;
        slow.emit("sfu", &join("standup")).await;
        let joined = slow.expect_sfu("joined").await;
        let mut quick = served.enter("2").await;
        quick.join("standup").await;
        let call: CallId = joined["call"]["id"].as_str().unwrap().parse().unwrap();
        let id: ParticipantId = joined["you"]["id"].as_str().unwrap().parse().unwrap();
        // Nothing is read from `slow` while far more is said than sockets buffer.
        let speaker = Speaker {
            participant: id.into(),
            level: 1,
        };
        loop {
            let event = Event::Speaking {
                router: RouterId::from(call),
                speakers: vec![speaker; 50],
            };
            served.world.media_events.send(event).await.unwrap();
            let news = quick.next().await.unwrap();
            if news["type"] == "participant_changed" {
                assert_eq!(news["participant"]["connection"], "reconnecting");
                break;
            }
        }
        quick.send(json!({"type": "end_call", "request": 1})).await;
    }
}

fn join(room: &str) -> Value {
    json!({"type": "join", "request": 1, "room": room})
}

#[tokio::test]
async fn the_session_is_the_websockets_and_can_be_resumed() {
    let (_db, served) = serve(Setup::default()).await;
    for by in BOTH {
        let mut ann = enter(&served, by, "1").await;
        ann.emit("sfu", &join("standup")).await;
        let joined = ann.expect_sfu("joined").await;
        let mut ben = served.enter("2").await;
        ben.join("standup").await;
        let came = ann.expect_sfu("participant_joined").await;
        assert_eq!(came["participant"]["userId"], "2");

        // On another connection, by another transport.
        ann.send("1".to_owned()).await;
        drop(ann);
        let lost = ben.expect("participant_changed").await;
        assert_eq!(lost["participant"]["connection"], "reconnecting");
        let other = if by == By::Polling {
            By::WebSocket
        } else {
            By::Polling
        };
        let mut ann = Sio::open(served.address, other, "", &[]).await.unwrap();
        let resume = &joined["resumeToken"];
        let auth = json!({"token": served.token("1", None, false), "resume": resume});
        ann.enter("/calls", &auth).await.unwrap();
        assert_eq!(ann.expect_sfu("welcome").await["resumed"], true);
        let again = ann.expect_sfu("joined").await;
        assert_eq!(again["you"]["id"], joined["you"]["id"]);
        let back = ben.expect("participant_changed").await;
        assert_eq!(back["participant"]["connection"], "connected");

        // Nobody continues another's.
        let mut eve = Sio::open(served.address, other, "", &[]).await.unwrap();
        let auth = json!({"token": served.token("3", None, false), "resume": resume});
        eve.enter("/calls", &auth).await.unwrap();
        assert_eq!(eve.expect_sfu("error").await["code"], "resume_failed");
        assert_eq!(eve.expect_sfu("welcome").await["resumed"], false);

        ben.send(json!({"type": "leave"})).await;
        ann.expect_sfu("participant_left").await;
        ann.emit("sfu", &json!({"type": "leave"})).await;
    }
}

#[tokio::test]
async fn a_token_that_expires_takes_the_rights_with_it() {
    let (_db, served) = serve(Setup::default()).await;
    let mut idle = enter(&served, By::WebSocket, "1").await;
    let mut busy = enter(&served, By::Polling, "2").await;
    busy.emit("sfu", &join("standup")).await;
    busy.expect_sfu("joined").await;
    served.world.clock.advance(TOKEN_LIFETIME);
    for client in [&mut idle, &mut busy] {
        let told = client.expect("call_error").await;
        assert_eq!(told["error"]["code"], "unauthorized");
        assert_eq!(told["error"]["message"], "the token has expired");
    }
    let farewell = idle.expect("call_error").await;
    assert_eq!(farewell["error"]["code"], "unauthorized");
    assert_eq!(idle.event().await, None);
    // As on the WebSocket, who is in a call stays in it and begins no other.
    busy.emit("sfu", &json!({"type": "leave"})).await;
    busy.emit("sfu", &join("another")).await;
    let refused = busy.expect_sfu("error").await;
    assert_eq!(refused["code"], "unauthorized");
    busy.closed().await;
}

#[tokio::test]
async fn a_stop_ends_the_connections_and_is_waited_for() {
    let (_db, served) = serve(Setup::default()).await;
    let mut by_socket = enter(&served, By::WebSocket, "1").await;
    let mut by_polls = enter(&served, By::Polling, "2").await;
    let mut nowhere = Sio::open(served.address, By::Polling, "", &[])
        .await
        .unwrap();
    let address = served.address;
    let everybody = async {
        tokio::join!(by_socket.closed(), by_polls.closed(), nowhere.closed());
    };
    tokio::join!(everybody, served.shut_down());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
