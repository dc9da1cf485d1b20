//! `/api/v1/calls`, the calls of chat rooms.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use convoke_signaling::service::CallConfig;
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::served::{API_KEY, Served, Setup, json_of};

/// What user `user` is answered; `api` is the host's backend.
pub(crate) async fn ask(
    served: &Served,
    user: &str,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = match user {
        "api" => request.header("x-api-key", API_KEY),
        user => {
            let token = served.token(user, None, false);
            request.header("authorization", format!("Bearer {token}"))
        }
    };
    let request = match body {
        Value::Null => request.body(Body::empty()),
        body => request
            .header("content-type", "application/json")
            .body(body.to_string().into()),
    };
    json_of(served.request(request.unwrap()).await).await
}

/// The same for what has to go well.
async fn done(served: &Served, user: &str, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = ask(served, user, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {answer}");
    answer
}

async fn refused(
    served: &Served,
    user: &str,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, String) {
    let (status, problem) = ask(served, user, method, path, body).await;
    let kind = problem["type"].as_str().unwrap_or_default();
    let kind = kind.trim_start_matches("urn:convoke:problem:");
    (status, kind.to_owned())
}

/// User 1 calls `whom` in chat room 7.
pub(crate) async fn initiate(served: &Served, whom: &[&str]) -> Value {
    let request = json!({"type": "video", "isGroupCall": whom.len() > 1, "inviteUserIds": whom});
    let path = "/api/v1/calls/rooms/7/initiate";
    let (status, call) = ask(served, "1", "POST", path, request).await;
    assert_eq!(status, 201, "{call}");
    call
}

pub(crate) fn path(call: &Value, rest: &str) -> String {
    format!("/api/v1/calls/{}{rest}", call["id"].as_str().unwrap())
}

/// The status of the call and of a user in it, as user 1 sees them.
async fn statuses(served: &Served, call: &Value, user: &str) -> (String, String) {
    let call = done(served, "1", "GET", &path(call, ""), Value::Null).await;
    let people = call["participants"].as_array().unwrap();
    let person = people
        .iter()
        .find(|person| person["userId"] == user)
        .unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    (word(&call["status"]), word(&person["status"]))
}

macro_rules! assert_call {
    ($name:literal, $call:expr) => {
        insta::assert_json_snapshot!($name, $call, {
            ".id" => "[call]",
            ".room" => "[room]",
            ".participants[].id" => "[participant]",
            ".devices[].id" => "[participant]",
            ".events[].participantId" => "[participant]",
        })
    };
}

on_both_databases! {
    async fn post_rooms_initiate_rings_those_who_are_invited(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        assert_call!("initiated", call);
        // Ids may be numbers, and a room of its own for each call.
        let request = json!({"type": "audio", "inviteUserIds": [3, "4"], "backend": "sfu"});
        let other = "/api/v1/calls/rooms/8/initiate";
        let group = done(&served, "9", "POST", other, request).await;
        assert_eq!(group["isGroupCall"], true);
        assert_eq!(group["type"], "audio");
        assert_ne!(group["room"], call["room"]);
    }

    async fn post_rooms_initiate_asks_the_whole_chat_room_when_nobody_is_named(db: TestDb) {
        let served = Served::start(&db).await;
        let room = json!({"name": "Team", "memberIds": ["1", "2", "3"]});
        done(&served, "api", "PUT", "/api/v1/directory/chat-rooms/7", room).await;
        let initiate = "/api/v1/calls/rooms/7/initiate";
        let call = done(&served, "1", "POST", initiate, json!({"type": "video"})).await;
        assert_eq!(call["isGroupCall"], true);
        assert_eq!(call["participants"].as_array().unwrap().len(), 3);
        // Who is no member learns nothing of the room.
        let stranger = refused(&served, "9", "POST", initiate, json!({"type": "video"})).await;
        assert_eq!(stranger, (404, "unknown-chat".to_owned()));
        let active = "/api/v1/calls/rooms/7/active";
        assert_eq!(ask(&served, "9", "GET", active, Value::Null).await, (200, Value::Null));
    }

    async fn post_rooms_initiate_refuses_what_is_no_call(db: TestDb) {
        let served = Served::start(&db).await;
        let initiate_path = "/api/v1/calls/rooms/7/initiate";
        for (body, want) in [
            (json!({}), (422, "invalid")),
            (json!({"type": "smell"}), (422, "invalid")),
            (json!({"type": "video", "isGroupCall": "yes"}), (422, "invalid")),
            (json!({"type": "video", "inviteUserIds": ["a\u{0}b"]}), (422, "invalid")),
            (json!({"type": "video", "inviteUserIds": {}}), (422, "invalid")),
            (json!({"type": "video", "inviteUserIds": ["1"]}), (422, "nobody-called")),
            (json!({"type": "video"}), (422, "nobody-called")),
            (json!({"type": "video", "backend": "smoke"}), (422, "invalid")),
        ] {
            let got = refused(&served, "1", "POST", initiate_path, body.clone()).await;
            assert_eq!(got, (want.0, want.1.to_owned()), "{body}");
        }
        let many: Vec<_> = (0..201).collect();
        let many = json!({"type": "video", "inviteUserIds": many});
        let got = refused(&served, "1", "POST", initiate_path, many).await;
        assert_eq!(got, (422, "too-many-members".to_owned()));
    }

    async fn post_rooms_initiate_tells_that_the_other_is_busy(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        done(&served, "2", "POST", &path(&call, "/join"), Value::Null).await;
        let request = json!({"type": "video", "inviteUserIds": ["2"]});
        let busy = refused(&served, "3", "POST", "/api/v1/calls/rooms/8/initiate", request).await;
        assert_eq!(busy, (409, "busy".to_owned()));
    }

    async fn post_join_answers_with_the_call(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        done(&served, "1", "POST", &path(&call, "/join"), Value::Null).await;
        assert_eq!(statuses(&served, &call, "2").await.0, "ringing");
        served.world.clock.advance(Duration::from_secs(5));
        let joined = done(&served, "2", "POST", &path(&call, "/join"), json!({})).await;
        assert_call!("joined", joined);
        // Twice is once.
        let again = done(&served, "2", "POST", &path(&call, "/join"), Value::Null).await;
        assert_eq!(again["participants"], joined["participants"]);
        for stranger in ["/join", "/end"] {
            let got = refused(&served, "9", "POST", &path(&call, stranger), Value::Null).await;
            assert_eq!(got, (404, "unknown-call".to_owned()), "{stranger}");
        }
    }

    async fn post_join_refuses_the_one_too_many(db: TestDb) {
        let calls = CallConfig {
            max_participants: 2,
            ..CallConfig::default()
        };
        let setup = Setup { calls, ..Setup::default() };
        let served = Served::with(&db, setup).await;
        let call = initiate(&served, &["2", "3"]).await;
        for user in ["1", "2"] {
            done(&served, user, "POST", &path(&call, "/join"), Value::Null).await;
        }
        let full = refused(&served, "3", "POST", &path(&call, "/join"), Value::Null).await;
        assert_eq!(full, (409, "room-full".to_owned()));
    }

    /// A call of two is one of two: in a room of three nobody rings alone.
    async fn is_group_call_false_in_a_room_of_three(db: TestDb) {
        let served = Served::start(&db).await;
        for (room, members) in [("two", json!([1, 2])), ("three", json!([1, 2, 3]))] {
            let body = json!({"name": room, "memberIds": members});
            let directory = format!("/api/v1/directory/chat-rooms/{room}");
            done(&served, "api", "PUT", &directory, body).await;
            let request = json!({"type": "video", "isGroupCall": false});
            let initiate = format!("/api/v1/calls/rooms/{room}/initiate");
            let call = done(&served, "1", "POST", &initiate, request).await;
            for user in ["1", "2"] {
                done(&served, user, "POST", &path(&call, "/join"), Value::Null).await;
            }
            let end = path(&call, "/end");
            let (status, answer) = ask(&served, "2", "POST", &end, Value::Null).await;
            let want = if room == "two" { 200 } else { 403 };
            assert_eq!(status, want, "{room}: {answer}");
            done(&served, "1", "POST", &end, Value::Null).await;
        }
    }

    async fn post_end_completes_or_cancels(db: TestDb) {
        let served = Served::start(&db).await;
        let unanswered = initiate(&served, &["2"]).await;
        let ended = done(&served, "1", "POST", &path(&unanswered, "/end"), Value::Null).await;
        assert_eq!(ended["status"], "cancelled");
        let call = initiate(&served, &["2"]).await;
        for user in ["1", "2"] {
            done(&served, user, "POST", &path(&call, "/join"), Value::Null).await;
        }
        served.world.clock.advance(Duration::from_secs(61));
        let ended = done(&served, "1", "POST", &path(&call, "/end"), Value::Null).await;
        assert_eq!(ended["status"], "completed");
        assert_eq!(ended["durationSecs"], 61);
        assert_call!("ended", ended);
        let again = done(&served, "1", "POST", &path(&call, "/end"), Value::Null).await;
        assert_eq!(again["endedAt"], ended["endedAt"]);
        let over = refused(&served, "2", "POST", &path(&call, "/join"), Value::Null).await;
        assert_eq!(over, (409, "call-over".to_owned()));
    }

    async fn patch_status_takes_every_word(db: TestDb) {
        let served = Served::start(&db).await;
        // who says what → the call's word, and user 2's
        let cases = [
            ("2", "initiated", "ringing", "ringing"),
            ("2", "invited", "ringing", "ringing"),
            ("2", "ringing", "ringing", "ringing"),
            ("2", "ongoing", "ringing", "ringing"),
            ("2", "missed", "missed", "missed"),
            ("1", "missed", "missed", "missed"),
            ("2", "accepted", "ringing", "invited"),
            ("2", "declined", "rejected", "declined"),
            ("2", "rejected", "rejected", "declined"),
            ("2", "joined", "ongoing", "joined"),
            ("1", "cancelled", "cancelled", "missed"),
            ("1", "failed", "failed", "missed"),
            ("1", "completed", "cancelled", "missed"),
        ];
        for (user, word, of_call, of_user) in cases {
            let call = initiate(&served, &["2"]).await;
            let body = json!({"status": word});
            done(&served, user, "PATCH", &path(&call, "/status"), body).await;
            let (got_call, got_user) = statuses(&served, &call, "2").await;
            let got = (got_call.as_str(), got_user.as_str());
            assert_eq!(got, (of_call, of_user), "{word}");
            done(&served, "1", "POST", &path(&call, "/end"), Value::Null).await;
        }
        let call = initiate(&served, &["2"]).await;
        done(&served, "1", "POST", &path(&call, "/join"), Value::Null).await;
        done(&served, "2", "POST", &path(&call, "/join"), Value::Null).await;
        let left = json!({"status": "left"});
        let left = done(&served, "2", "PATCH", &path(&call, "/status"), left).await;
        assert_call!("status", left);
        assert_eq!(statuses(&served, &call, "2").await.1, "left");
        let body = json!({"status": "asleep"});
        let got = refused(&served, "2", "PATCH", &path(&call, "/status"), body).await;
        assert_eq!(got, (422, "invalid".to_owned()));
    }

    async fn a_call_that_nobody_answers_is_missed(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        served.world.clock.advance(Duration::from_secs(46));
        let missed = async || {
            let now = statuses(&served, &call, "2").await;
            (now == ("missed".to_owned(), "missed".to_owned())).then_some(())
        };
        crate::common::eventually("it is missed", missed).await;
    }

    /// "ChatMessage - Call log messages in chat".
    async fn a_call_leaves_a_message_in_its_chat_room(db: TestDb) {
        let served = Served::start(&db).await;
        let members = json!({"name": "Team", "memberIds": ["1", "2"]});
        done(&served, "api", "PUT", "/api/v1/directory/chat-rooms/7", members).await;
        let call = initiate(&served, &["2"]).await;
        for user in ["1", "2"] {
            done(&served, user, "POST", &path(&call, "/join"), Value::Null).await;
        }
        served.world.clock.advance(Duration::from_secs(61));
        done(&served, "2", "POST", &path(&call, "/end"), Value::Null).await;
        let unanswered = initiate(&served, &["2"]).await;
        done(&served, "1", "POST", &path(&unanswered, "/end"), Value::Null).await;
        let messages = "/api/v1/directory/chat-rooms/7/messages";
        let log = done(&served, "2", "GET", messages, Value::Null).await;
        insta::assert_json_snapshot!("call_log", log, {
            ".messages[].callId" => "[call]",
            ".messages[].body.callId" => "[call]",
        });
    }

    async fn a_call_is_over_after_its_longest_time(db: TestDb) {
        let calls = CallConfig { max_duration: Duration::from_secs(60), ..CallConfig::default() };
        let served = Served::with(&db, Setup { calls, ..Setup::default() }).await;
        let call = initiate(&served, &["2"]).await;
        for user in ["1", "2"] {
            done(&served, user, "POST", &path(&call, "/join"), Value::Null).await;
        }
        served.world.clock.advance(Duration::from_secs(61));
        let over = async || {
            let call = done(&served, "2", "GET", &path(&call, ""), Value::Null).await;
            (call["status"] == "completed").then_some(call)
        };
        let over = crate::common::eventually("it is over", over).await;
        assert_eq!((&over["durationSecs"], &over["participants"][1]["status"]), (&json!(61), &json!("left")));
    }

    async fn a_call_that_all_have_left_is_completed(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        for (user, status) in [("1", "joined"), ("2", "joined"), ("1", "left"), ("2", "left")] {
            let body = json!({"status": status});
            done(&served, user, "PATCH", &path(&call, "/status"), body).await;
        }
        assert_eq!(statuses(&served, &call, "2").await.0, "completed");
    }

    async fn patch_media_changes_what_it_names(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        let media = path(&call, "/media");
        let body = json!({"isMicMuted": true, "isCameraOn": false});
        let outside = refused(&served, "1", "PATCH", &media, body.clone()).await;
        assert_eq!(outside, (409, "not-in-call".to_owned()));
        done(&served, "1", "POST", &path(&call, "/join"), Value::Null).await;
        done(&served, "1", "PATCH", &media, body).await;
        let body = json!({"isScreenSharing": true});
        let changed = done(&served, "1", "PATCH", &media, body).await;
        assert_call!("media", changed);
        let person = &changed["participants"][0];
        let flags = ["isMicMuted", "isCameraOff", "isScreenSharing", "isHandRaised"];
        assert_eq!(flags.map(|flag| &person[flag]), [true, true, true, false].map(Value::from).each_ref());
        let wrong = refused(&served, "1", "PATCH", &media, json!({"isMicMuted": 1})).await;
        assert_eq!(wrong, (422, "invalid".to_owned()));
    }

    async fn get_call_by_its_uuid_or_its_number(db: TestDb) {
        let served = Served::start(&db).await;
        let call = initiate(&served, &["2"]).await;
        let details = done(&served, "2", "GET", &path(&call, ""), Value::Null).await;
        assert_call!("details", details);
        let by_number = format!("/api/v1/calls/{}", call["number"]);
        assert_eq!(done(&served, "2", "GET", &by_number, Value::Null).await, details);
        // What happened in it is asked for in the same ways.
        let events = format!("{by_number}/events");
        let events = done(&served, "2", "GET", &events, Value::Null).await;
        assert_eq!(done(&served, "2", "GET", &path(&call, "/events"), Value::Null).await, events);
        assert_eq!(events["events"], details["events"]);
        for unknown in ["/api/v1/calls/99", "/api/v1/calls/x", &by_number] {
            let got = refused(&served, "9", "GET", unknown, Value::Null).await;
            assert_eq!(got, (404, "unknown-call".to_owned()), "{unknown}");
        }
    }

    async fn get_calls_is_ones_history(db: TestDb) {
        let served = Served::start(&db).await;
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let call = initiate(&served, &["2"]).await;
            numbers.push(call["number"].clone());
            done(&served, "1", "POST", &path(&call, "/end"), Value::Null).await;
        }
        numbers.reverse();
        let list = done(&served, "2", "GET", "/api/v1/calls", Value::Null).await;
        let shown: Vec<_> = list["calls"].as_array().unwrap().iter().map(|c| c["number"].clone()).collect();
        assert_eq!(shown, numbers);
        let page = "/api/v1/calls?limit=1&offset=1";
        let page = done(&served, "2", "GET", page, Value::Null).await;
        assert_eq!(page["calls"][0]["number"], numbers[1]);
        insta::assert_json_snapshot!("history_page", page, {
            ".calls[].id" => "[call]",
            ".calls[].room" => "[room]",
            ".calls[].participants[].id" => "[participant]",
        });
        let nobody = done(&served, "9", "GET", "/api/v1/calls", Value::Null).await;
        assert_eq!(nobody["calls"], json!([]));
        for wrong in ["limit=0", "limit=101", "offset=-1", "limit=x"] {
            let wrong = format!("/api/v1/calls?{wrong}");
            let got = refused(&served, "2", "GET", &wrong, Value::Null).await;
            assert_eq!(got, (400, "malformed".to_owned()), "{wrong}");
        }
    }

    async fn get_rooms_active_is_the_call_or_null(db: TestDb) {
        let served = Served::start(&db).await;
        let active = "/api/v1/calls/rooms/7/active";
        assert_eq!(done(&served, "1", "GET", active, Value::Null).await, Value::Null);
        let call = initiate(&served, &["2"]).await;
        for user in ["1", "2"] {
            let found = done(&served, user, "GET", active, Value::Null).await;
            assert_eq!(found["id"], call["id"]);
            insta::allow_duplicates! { assert_call!("active", found); }
        }
        assert_eq!(done(&served, "9", "GET", active, Value::Null).await, Value::Null);
        let request = json!({"type": "video", "inviteUserIds": ["3"]});
        let second = refused(&served, "1", "POST", "/api/v1/calls/rooms/7/initiate", request).await;
        assert_eq!(second, (409, "already-live".to_owned()));
        done(&served, "1", "POST", &path(&call, "/end"), Value::Null).await;
        assert_eq!(done(&served, "1", "GET", active, Value::Null).await, Value::Null);
    }
}
