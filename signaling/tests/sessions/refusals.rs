//! What a Session refuses, how it says so, and that only who misbehaves suffers.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use convoke_signaling::service::CallConfig;
use convoke_signaling::session::SessionConfig;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::common::{Engine, TestDb};
use crate::on_both_databases;
use crate::served::{Served, Setup};

#[tokio::test]
async fn hello_comes_first_and_once() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.connect().await;
    for message in [
        json!({"type": "join", "request": 3, "room": "standup"}),
        json!({"type": "ping"}),
        json!({"type": "leave"}),
        json!({"type": "slots", "slots": []}),
    ] {
        ann.send(message.clone()).await;
        assert_eq!(ann.expect_error().await, "unexpected", "{message}");
    }
    let hello = json!({"type": "hello", "protocol": 1, "token": served.token("1", None, false)});
    ann.send(hello.clone()).await;
    ann.expect("welcome").await;
    ann.send(hello).await;
    assert_eq!(ann.expect_error().await, "unexpected");
}

#[tokio::test]
async fn what_hello_is_refused_for_ends_the_session() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let valid = served.token("1", None, false);
    let cases = [
        (
            json!({"type": "hello", "protocol": 2, "token": valid}),
            "unsupported_protocol",
            4005,
        ),
        (
            json!({"type": "hello", "protocol": 1}),
            "unauthorized",
            4004,
        ),
        (
            json!({"type": "hello", "protocol": 1, "name": "Ann"}),
            "unauthorized",
            4004,
        ),
        (
            json!({"type": "hello", "protocol": 1, "token": ""}),
            "unauthorized",
            4004,
        ),
        (
            json!({"type": "hello", "protocol": 1, "token": "a.b.c", "name": "Ann"}),
            "unauthorized",
            4004,
        ),
    ];
    for (hello, code, close) in cases {
        let mut socket = served.connect().await;
        socket.send(hello.clone()).await;
        assert_eq!(socket.expect_error().await, code, "{hello}");
        assert_eq!(socket.closed().await, close, "{hello}");
    }
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let token = served.token("1", None, false);
    served
        .world
        .clock
        .advance(std::time::Duration::from_secs(86_400));
    let mut ann = served.connect().await;
    ann.send(json!({"type": "hello", "protocol": 1, "token": token}))
        .await;
    assert_eq!(ann.expect_error().await, "unauthorized");
}

#[tokio::test]
async fn a_malformed_message_is_answered_and_forgotten() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    ann.join("standup").await;
    let slot = |wish: Value| json!({"type": "slots", "slots": [wish]}).to_string();
    let cases = [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"type": "hello"}"#.to_owned(),
        r#"{"type": "unheard_of"}"#.to_owned(),
        r#"{"type": "ping", "extra": 1}"#.to_owned(),
        r#"{"type": "join", "request": -1, "room": "a"}"#.to_owned(),
        r#"{"type": "join", "request": 4294967296, "room": "a"}"#.to_owned(),
        r#"{"type": "join", "type": "ping", "request": 1, "room": "a"}"#.to_owned(),
        r#"{"type": "publish", "source": "camera", "state": "on"}"#.to_owned(),
        "[".repeat(10_000),
        format!(r#"{{"type": "{}"}}"#, "x".repeat(100_000)),
        slot(
            json!({"mid": "1", "show": {"kind": "pinned", "participantId": "me", "source": "camera"}}),
        ),
        slot(json!({"mid": "1", "show": {"kind": "off"}, "width": 5})),
        slot(json!({"mid": "1", "show": {"kind": "off"}, "width": 65_536, "height": 1})),
        slot(json!({"mid": "1", "show": {"kind": "off"}, "priority": 256})),
        json!({"type": "slots", "slots": vec![json!({"mid": "1", "show": {"kind": "off"}}); 65]})
            .to_string(),
    ];
    for text in cases {
        ann.send_raw(Message::text(text.clone())).await;
        let error = ann.expect("error").await;
        let shown: String = text.chars().take(80).collect();
        assert_eq!(error["code"], "bad_message", "{shown}");
        assert!(error.to_string().len() < 400, "{shown}: an echo");
    }
    ann.send(json!({"type": "ping"})).await;
    ann.expect("pong").await;
}

#[tokio::test]
async fn who_goes_on_misbehaving_is_closed_and_may_come_back() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    let joined = ann.join("standup").await;
    for _ in 0..50 {
        ann.send_raw(Message::text("?")).await;
    }
    assert_eq!(ann.closed().await, 4002);
    let mut ann = served.connect().await;
    let resume = &joined["resumeToken"];
    ann.send(json!({"type": "hello", "protocol": 1, "resume": resume}))
        .await;
    ann.expect("welcome").await;
    ann.expect("joined").await;
}

#[tokio::test]
async fn messages_that_come_too_fast_are_refused_with_the_time_to_wait() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    for _ in 0..120 {
        ann.send(json!({"type": "ping"})).await;
    }
    let refused = loop {
        let answer = ann.next().await.unwrap();
        if answer["type"] != "pong" {
            break answer;
        }
    };
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!(refused["retryAfterSecs"], 1);
}

#[tokio::test]
async fn joins_count_as_several_messages() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    for request in 0..20 {
        // Refused before anything is asked of the database, so the bucket hardly fills.
        let join = json!({"type": "join", "request": request, "room": "no/room"});
        ann.send(join).await;
    }
    let mut refused_room = 0;
    while ann.next().await.unwrap()["code"] == "invalid_room" {
        refused_room += 1;
    }
    assert!((9..15).contains(&refused_room), "{refused_room}");
}

#[tokio::test]
async fn muting_others_counts_as_several_messages() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    for request in 0..20 {
        // Refused before anything is done.
        ann.send(json!({"type": "mute_others", "request": request}))
            .await;
    }
    let mut refused = 0;
    while ann.next().await.unwrap()["code"] == "not_in_call" {
        refused += 1;
    }
    assert!((9..15).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_gateway_that_limits_may_switch_our_limit_off() {
    let db = TestDb::new(Engine::Sqlite).await;
    let sessions = SessionConfig {
        rate_limits: false,
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
    let mut ann = served.enter("1").await;
    for _ in 0..300 {
        ann.send(json!({"type": "ping"})).await;
    }
    for _ in 0..300 {
        ann.expect("pong").await;
    }
}

on_both_databases! {
    async fn a_room_is_full_for_the_next(db: TestDb) {
        let calls = CallConfig { max_participants: 3, ..CallConfig::default() };
        let served = Served::with(&db, Setup { calls, ..Setup::default() }).await;
        let mut inside = Vec::new();
        for user in 0..3 {
            let mut socket = served.enter(&user.to_string()).await;
            socket.join("standup").await;
            inside.push(socket);
        }
        let mut late = served.enter("late").await;
        late.send(json!({"type": "join", "request": 9, "room": "standup"})).await;
        let refused = late.expect("error").await;
        assert_eq!(refused["code"], "room_full");
        assert_eq!(refused["request"], 9);
        inside.pop().unwrap().send(json!({"type": "leave"})).await;
        inside[0].expect("participant_joined").await;
        inside[0].expect("participant_joined").await;
        inside[0].expect("participant_left").await;
        late.join("standup").await;
    }

    async fn fifty_are_in_a_room_by_default_and_the_next_is_not(db: TestDb) {
        let served = Served::start(&db).await;
        let mut inside = Vec::new();
        for user in 0..50 {
            let mut socket = served.enter(&user.to_string()).await;
            let joined = socket.join("standup").await;
            assert_eq!(joined["participants"].as_array().unwrap().len(), user);
            inside.push(socket);
        }
        let mut late = served.enter("late").await;
        late.send(json!({"type": "join", "request": 1, "room": "standup"})).await;
        assert_eq!(late.expect_error().await, "room_full");
        // Another room has nothing to do with it.
        late.join("elsewhere").await;
    }

    async fn rooms_that_may_not_be_entered(db: TestDb) {
        let served = Served::start(&db).await;
        let invite = served.token("1", Some("standup"), false);
        let mut ann = served.connect().await;
        ann.send(json!({"type": "hello", "protocol": 1, "token": invite})).await;
        ann.expect("welcome").await;
        let too_long = "x".repeat(129);
        let cases = [
            ("other", "forbidden"),
            ("", "invalid_room"),
            ("a b", "invalid_room"),
            ("*", "invalid_room"),
            ("../standup", "invalid_room"),
            (too_long.as_str(), "invalid_room"),
        ];
        for (room, want) in cases {
            ann.send(json!({"type": "join", "request": 1, "room": room})).await;
            assert_eq!(ann.expect_error().await, want, "{room:?}");
        }
        ann.join("standup").await;
        ann.send(json!({"type": "join", "request": 1, "room": "standup"})).await;
        assert_eq!(ann.expect_error().await, "already_in_call");
    }

    async fn too_much_to_do_for_another_call_says_when_there_may_be_time(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        // The media's own time, rounded up; of a moment's load nobody knows, and soon is 2 s.
        for (room_in, want) in [(200, 2), (5_200, 6), (26_000, 26)] {
            served.world.media.fill(Duration::from_millis(room_in));
            ann.send(json!({"type": "join", "request": 1, "room": "standup"})).await;
            let refused = ann.expect("error").await;
            assert_eq!((&refused["code"], &refused["retryAfterSecs"]), (&json!("overloaded"), &json!(want)));

            let call = json!({"callType": "video", "participants": [2]});
            let request = Request::post("/api/calls/initiate")
                .header("authorization", format!("Bearer {}", served.token("1", None, false)))
                .header("content-type", "application/json")
                .body(Body::from(call.to_string()));
            let answer = served.request(request.unwrap()).await;
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.headers()["retry-after"], want.to_string());
        }
    }

    async fn outside_a_call_there_is_nothing_to_do_in_it(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        for message in [
            json!({"type": "offer", "request": 1, "sdp": "v=0"}),
            json!({"type": "candidate", "candidate": "x"}),
            json!({"type": "slots", "slots": []}),
            json!({"type": "publish", "source": "camera", "state": "live"}),
            json!({"type": "end_call", "request": 1}),
            json!({"type": "mute_others", "request": 1}),
        ] {
            ann.send(message.clone()).await;
            assert_eq!(ann.expect_error().await, "not_in_call", "{message}");
        }
    }
}

#[tokio::test]
async fn an_offer_beyond_its_limits_never_reaches_the_media_core() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = served.enter("1").await;
    ann.join("standup").await;
    served.world.media.take_log();
    let line = json!({"mid": "1", "source": "camera"});
    for offer in [
        json!({"type": "offer", "request": 1, "sdp": "x".repeat(400_001)}),
        json!({"type": "offer", "request": 1, "sdp": "v=0", "publish": vec![line; 65]}),
        json!({"type": "offer", "request": 1, "sdp": "v=0", "publish": [{"mid": "a b", "source": "camera"}]}),
    ] {
        ann.send(offer).await;
        assert_eq!(ann.expect_error().await, "bad_offer");
    }
    assert!(served.world.media.take_log().is_empty());
}
