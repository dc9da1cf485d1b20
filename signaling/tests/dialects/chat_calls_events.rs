//! The Socket.IO namespace `/calls`.

use convoke_signaling::session::SessionConfig;
use serde_json::{Value, json};

use crate::chat_calls::{ask, initiate, path};
use crate::common::{Engine, TestDb, eventually};
use crate::on_both_databases;
use crate::served::{Served, Setup};
use crate::sio::{By, Sio};

async fn connect(served: &Served, user: &str) -> Sio {
    let opened = Sio::open(served.address, By::WebSocket, "", &[]).await;
    let mut client = opened.unwrap();
    let auth = json!({"token": served.token(user, None, false)});
    client.enter("/calls", &auth).await.unwrap();
    client.expect_sfu("welcome").await;
    client
}

/// Users 1 and 2 in a call, their sockets, and its id.
async fn two_in_a_call(served: &Served) -> (Sio, Sio, Value) {
    let (mut ann, mut ben) = (connect(served, "1").await, connect(served, "2").await);
    let call = initiate(served, &["2"]).await;
    ben.expect("incoming_call").await;
    let join = json!({"callId": call["id"]});
    assert_eq!(ann.ask("join_call", &join).await["success"], true);
    ben.expect("participant_joined").await;
    assert_eq!(ben.ask("join_call", &join).await["success"], true);
    ann.expect("call_status_changed").await;
    ann.expect("participant_joined").await;
    ben.expect("call_status_changed").await;
    (ann, ben, call["id"].clone())
}

macro_rules! assert_event {
    ($name:literal, $payload:expr) => {
        insta::assert_json_snapshot!($name, $payload, {
            ".callId" => "[call]",
            ".room" => "[room]",
        })
    };
}

on_both_databases! {
    async fn incoming_call_rings_on_every_device_and_for_those_who_connect_late(db: TestDb) {
        let served = Served::start(&db).await;
        let mut first = connect(&served, "2").await;
        let call = initiate(&served, &["2"]).await;
        let ring = first.expect("incoming_call").await;
        assert_eq!(ring["callId"], call["id"]);
        assert_event!("incoming_call", ring);
        let mut late = connect(&served, "2").await;
        assert_eq!(late.expect("incoming_call").await["callId"], call["id"]);
        // Accepting on one stops the others.
        let accepted = json!({"callId": call["number"], "status": "accepted"});
        assert_eq!(late.ask("call_status_changed", &accepted).await["success"], true);
        let stopped = first.expect("call_status_changed").await;
        assert_event!("call_status_changed", stopped);
    }

    async fn join_call_and_leave_call_tell_the_others(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben) = (connect(&served, "1").await, connect(&served, "2").await);
        let call = initiate(&served, &["2"]).await;
        ben.expect("incoming_call").await;
        let named = json!({"callId": call["id"]});
        let joined = ann.ask("join_call", &named).await;
        assert_eq!(joined["call"]["id"], call["id"]);
        assert_event!("participant_joined", ben.expect("participant_joined").await);
        ben.ask("join_call", &named).await;
        ben.ask("leave_call", &named).await;
        ann.expect("call_status_changed").await;
        ann.expect("participant_joined").await;
        assert_event!("participant_left", ann.expect("participant_left").await);
    }

    async fn media_state_changed_tells_the_others(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben, call) = two_in_a_call(&served).await;
        let muted = json!({"callId": call, "isMicMuted": true});
        assert_eq!(ann.ask("media_state_changed", &muted).await["success"], true);
        let told = ben.expect("participant_media_changed").await;
        assert_event!("participant_media_changed", told);
    }

    async fn call_ended_is_told_to_everybody(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben, call) = two_in_a_call(&served).await;
        let known = json!({"callId": call, "status": "ongoing"});
        assert_eq!(ben.ask("call_status_changed", &known).await["success"], true);
        let completed = json!({"callId": call, "status": "completed"});
        assert_eq!(ben.ask("call_status_changed", &completed).await["success"], true);
        loop {
            let (event, payload) = ann.event().await.unwrap();
            if event == "call_ended" {
                assert_event!("call_ended", payload);
                break;
            }
        }
    }

    async fn offer_answer_and_ice_candidate_reach_their_target(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben, call) = two_in_a_call(&served).await;
        let description = json!({"type": "offer", "sdp": "v=0\r\n"});
        let offer = json!({"callId": call, "targetUserId": "2", "offer": description});
        assert_eq!(ann.ask("offer", &offer).await, json!({"success": true}));
        let got = ben.expect("offer").await;
        assert_eq!(got, json!({"callId": call, "fromUserId": "1", "offer": description}));
        let answer = json!({"callId": call, "targetUserId": got["fromUserId"], "answer": {"type": "answer"}});
        assert_eq!(ben.ask("answer", &answer).await["success"], true);
        let got = ann.expect("answer").await;
        assert_eq!(got, json!({"callId": call, "fromUserId": "2", "answer": {"type": "answer"}}));
        let candidate = json!({"callId": call, "targetUserId": 2, "candidate": {"candidate": "c"}});
        assert_eq!(ann.ask("ice_candidate", &candidate).await["success"], true);
        let got = ben.expect("ice_candidate").await;
        assert_eq!(got["candidate"], json!({"candidate": "c"}));
    }

    async fn an_offer_without_a_target_is_the_sfu_s(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben, call) = two_in_a_call(&served).await;
        let candidate = json!({"callId": call, "candidate": "c"});
        let early = ann.ask("ice_candidate", &candidate).await;
        assert_eq!(early["error"]["code"], "not-in-call");
        let offer = json!({
            "callId": call,
            "request": 5,
            "offer": {"type": "offer", "sdp": "v=0"},
            "publish": [{"mid": "0", "source": "microphone"}],
        });
        assert_eq!(ann.ask("offer", &offer).await, json!({"success": true}));
        let joined = ann.expect_sfu("joined").await;
        assert_eq!(joined["call"]["id"], call);
        let answer = ann.expect("answer").await;
        assert_eq!(answer["callId"], call);
        assert_eq!(answer["request"], 5);
        assert_eq!(
            answer["answer"],
            json!({"type": "answer", "sdp": "answer to v=0"})
        );
        let line = json!({"callId": call, "candidate": {"candidate": "candidate:1 1 udp 1 192.0.2.7 5 typ host", "sdpMid": "0"}});
        assert_eq!(ann.ask("ice_candidate", &line).await["success"], true);
        let alone = ann
            .ask("answer", &json!({"callId": call, "answer": "x"}))
            .await;
        assert_eq!(alone["error"]["code"], "malformed");
        // The other comes as well, and each is shown to the other once.
        assert_eq!(ben.ask("offer", &offer).await["success"], true);
        let joined = ben.expect_sfu("joined").await;
        assert_eq!(joined["participants"].as_array().unwrap().len(), 1);
    }

    async fn nothing_is_relayed_from_outside_or_to_outside_or_beyond_size(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, mut ben, call) = two_in_a_call(&served).await;
        let mut eve = connect(&served, "9").await;
        let to = |target: &str| json!({"callId": call, "targetUserId": target, "offer": "x"});
        for (client, payload, want) in [
            (&mut eve, to("2"), "unknown-call"),
            (&mut ann, to("9"), "not-in-call"),
        ] {
            let answer = client.ask("offer", &payload).await;
            assert_eq!(answer["error"]["code"], want);
        }
        let long = json!({"callId": call, "targetUserId": "2", "candidate": "x".repeat(5000)});
        assert_eq!(
            ann.ask("ice_candidate", &long).await["error"]["code"],
            "invalid"
        );
        let long = json!({"callId": call, "targetUserId": "2", "offer": "x".repeat(40_000)});
        assert_eq!(ann.ask("offer", &long).await["error"]["code"], "invalid");
        assert_eq!(ann.ask("offer", &to("1")).await["error"]["code"], "invalid");
        // Nothing of all this came to anybody.
        ben.emit("sfu", &json!({"type": "ping"})).await;
        ben.expect_sfu("pong").await;
        // In the call, and not connected.
        drop(ben);
        let gone = async || {
            let answer = ann_asks(&served, &call).await;
            (answer["error"]["code"] == "unreachable").then_some(())
        };
        eventually("nobody is there", gone).await;
    }

    async fn nobody_passes_on_descriptions_without_end(db: TestDb) {
        let limited = SessionConfig { rate_limits: true, ..SessionConfig::default() };
        let served = Served::with(&db, Setup { sessions: limited, ..Setup::default() }).await;
        let (mut ann, _ben, call) = two_in_a_call(&served).await;
        let offer = json!({"callId": call, "targetUserId": "2", "offer": "x"});
        let mut passed = 0;
        let refused = loop {
            let answer = ann.ask("offer", &offer).await;
            match answer["success"].as_bool() {
                Some(true) => passed += 1,
                _ => break answer,
            }
        };
        assert_eq!(refused["error"]["code"], "too-many-requests");
        // As many as offers to the SFU, and those that came while they were asked.
        assert!((7..20).contains(&passed), "{passed}");
    }

    async fn who_is_gone_while_the_database_is_leaves_all_the_same(db: TestDb) {
        let served = Served::start(&db).await;
        let (_ann, ben, call) = two_in_a_call(&served).await;
        db.execute("alter table call_participants rename to participants_away").await;
        drop(ben);
        let clock = &served.world.clock;
        let retries = std::time::Duration::from_secs(1);
        eventually("it is tried again", async || clock.someone_sleeps(retries).then_some(())).await;
        db.execute("alter table participants_away rename to call_participants").await;
        eventually("user 2 left", async || {
            clock.advance(std::time::Duration::from_secs(5));
            let (_, call) = ask(&served, "1", "GET", &path(&json!({"id": call}), ""), Value::Null).await;
            let people = call["participants"].as_array().unwrap();
            let left = |p: &&Value| p["userId"] == "2" && p["status"] == "left";
            people.iter().find(left).map(drop)
        })
        .await;
    }

    async fn who_is_gone_with_its_last_connection_leaves_after_the_grace_time(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut ann, ben, call) = two_in_a_call(&served).await;
        let mut tablet = connect(&served, "2").await;
        tablet.ask("join_call", &json!({"callId": call})).await;
        drop(ben);
        tablet.emit("sfu", &json!({"type": "ping"})).await;
        tablet.expect_sfu("pong").await;
        drop(tablet);
        // The clock stands still, so the grace time has begun once somebody sleeps for it.
        let left = async || {
            served
                .world
                .clock
                .advance(std::time::Duration::from_secs(5));
            let call = json!({"id": call});
            let (_, call) = ask(&served, "1", "GET", &path(&call, ""), Value::Null).await;
            let people = call["participants"].as_array().unwrap().clone();
            people
                .into_iter()
                .find(|p| p["userId"] == "2" && p["status"] == "left")
        };
        let person = eventually("user 2 left", left).await;
        assert_eq!(person["leaveReason"], "timed_out");
        let told = ann.expect("participant_left").await;
        assert_eq!(told["reason"], "timed_out");
    }
}

/// From another device of user 1.
async fn ann_asks(served: &Served, call: &Value) -> Value {
    let mut ann = connect(served, "1").await;
    let offer = json!({"callId": call, "targetUserId": "2", "offer": "x"});
    ann.ask("offer", &offer).await
}

#[tokio::test]
async fn whatever_is_wrong_is_answered() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut ann = connect(&served, "1").await;
    let events = [
        "offer",
        "answer",
        "ice_candidate",
        "join_call",
        "leave_call",
        "media_state_changed",
        "call_status_changed",
    ];
    for event in events {
        for payload in [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({"callId": {}}),
        ] {
            let answer = ann.ask(event, &payload).await;
            assert_eq!(answer["success"], false, "{event} {payload}");
            assert_eq!(answer["error"]["code"], "invalid", "{event} {payload}");
        }
    }
    let unknown = json!({"callId": "x"});
    assert_eq!(
        ann.ask("join_call", &unknown).await["error"]["code"],
        "unknown-call"
    );
    // Without an acknowledgement the answer is an event.
    ann.emit("leave_call", &json!({"callId": 99})).await;
    let error = ann.expect("call_error").await;
    assert_eq!(
        error,
        json!({
            "success": false,
            "event": "leave_call",
            "error": {"code": "unknown-call", "message": "no such call"},
        })
    );
}
