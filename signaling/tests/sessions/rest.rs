//! `/api/v1` and the health checks: what is on record afterwards, and for whom.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use convoke_media::control::CommandError;
use serde_json::{Value, json};

use crate::common::{Engine, TestDb};
use crate::on_both_databases;
use crate::served::{API_KEY, Served, Setup, json_of};

/// Two were there, one of them twice, and it is over.
async fn a_call_on_record(served: &Served) -> String {
    let mut ann = served.enter("1").await;
    let mut ben = served.enter("2").await;
    let joined = ann.join("standup").await;
    served.world.clock.advance(Duration::from_secs(5));
    ben.join("standup").await;
    ann.expect("participant_joined").await;
    served.world.clock.advance(Duration::from_secs(55));
    ben.drop_connection();
    ann.expect("participant_changed").await;
    served.world.clock.advance(Duration::from_secs(30));
    ann.expect("participant_left").await;
    ann.send(json!({"type": "end_call", "request": 1})).await;
    ann.expect("call_ended").await;
    joined["call"]["id"].as_str().unwrap().to_owned()
}

on_both_databases! {
    async fn a_call_is_on_record_afterwards(db: TestDb) {
        let served = Served::start(&db).await;
        let id = a_call_on_record(&served).await;
        let token = served.token("1", None, false);

        let (status, list) = served.get("/api/v1/rooms/standup/calls", Some(&token)).await;
        assert_eq!(status, 200);
        assert_eq!(list["calls"][0]["id"], json!(id));
        insta::assert_json_snapshot!("list_of_calls", list, {
            ".calls[].id" => "[call]",
            ".calls[].participants[].id" => "[participant]",
        });

        let (status, call) = served.get(&format!("/api/v1/calls/{id}"), Some(&token)).await;
        assert_eq!(status, 200);
        insta::assert_json_snapshot!("call_details", call, {
            ".id" => "[call]",
            ".participants[].id" => "[participant]",
            ".devices[].id" => "[participant]",
            ".events[].participantId" => "[participant]",
        });
    }

    async fn two_devices_of_one_user_are_each_on_record(db: TestDb) {
        let served = Served::start(&db).await;
        let mut desk = served.enter("1").await;
        let mut phone = served.enter("1").await;
        let id = desk.join("standup").await["call"]["id"].clone();
        served.world.clock.advance(Duration::from_secs(5));
        phone.join("standup").await;
        served.world.clock.advance(Duration::from_secs(10));
        desk.send(json!({"type": "leave"})).await;
        phone.expect("participant_left").await;
        served.world.clock.advance(Duration::from_secs(15));
        phone.send(json!({"type": "end_call", "request": 1})).await;
        phone.expect("call_ended").await;

        let token = served.token("1", None, false);
        let path = format!("/api/v1/calls/{}", id.as_str().unwrap());
        let (_, call) = served.get(&path, Some(&token)).await;
        let durations = |list: &str| {
            let all = call[list].as_array().unwrap().iter();
            all.map(|one| one["durationSecs"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((durations("participants"), durations("devices")), (vec![30], vec![15, 25]));
        let reasons: Vec<_> = call["devices"].as_array().unwrap().iter().map(|d| &d["leaveReason"]).collect();
        assert_eq!(reasons, ["left", "call_ended"]);
        // The events speak of devices, so each must be found.
        let known = |event: &Value| {
            let id = event.get("participantId");
            id.is_none_or(|id| call["devices"].as_array().unwrap().iter().any(|d| d["id"] == *id))
        };
        assert!(call["events"].as_array().unwrap().iter().all(known), "{call}");
    }

    async fn a_call_that_goes_on_is_on_record_too(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        ann.join("standup").await;
        served.world.clock.advance(Duration::from_secs(61));
        let token = served.token("1", None, false);
        let (_, list) = served.get("/api/v1/rooms/standup/calls", Some(&token)).await;
        let call = &list["calls"][0];
        assert_eq!(call["status"], "ongoing");
        assert_eq!(call["durationSecs"], 61);
        assert_eq!(call.get("endedAt"), None);
        assert_eq!(call["participants"][0]["durationSecs"], 61);
    }

    async fn records_are_for_who_was_there_the_room_s_moderators_and_the_backend(db: TestDb) {
        let served = Served::start(&db).await;
        let id = a_call_on_record(&served).await;
        let call = format!("/api/v1/calls/{id}");
        let unknown = "/api/v1/calls/01900000-0000-7000-8000-000000000000";
        let list = "/api/v1/rooms/standup/calls";
        let stranger = served.token("9", None, false);
        let elsewhere = served.token("1", Some("other"), false);
        let moderator = served.token("9", Some("standup"), true);

        for (token, want_call, want_list) in [
            (&served.token("1", None, false), 200, Some(1)),
            (&moderator, 200, Some(1)),
            (&stranger, 404, Some(0)),
            (&elsewhere, 404, None),
        ] {
            assert_eq!(served.get(&call, Some(token)).await.0, want_call);
            let (status, body) = served.get(list, Some(token)).await;
            let calls = body["calls"].as_array().map(Vec::len);
            assert_eq!((status == 200, calls), (want_list.is_some(), want_list));
        }
        // To a stranger a call that it may not see is one that does not exist.
        let hidden = served.get(&call, Some(&stranger)).await;
        assert_eq!(hidden, served.get(unknown, Some(&stranger)).await);
        assert_eq!(hidden, served.get("/api/v1/calls/7", Some(&stranger)).await);

        let request = Request::get(&call).header("x-api-key", API_KEY);
        let response = served.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
    }

    async fn lists_come_in_pages(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            let mut ann = served.enter("1").await;
            let joined = ann.join("standup").await;
            ids.push(joined["call"]["id"].clone());
            ann.send(json!({"type": "leave"})).await;
            ann.send(json!({"type": "ping"})).await;
            ann.expect("pong").await;
        }
        ids.reverse();
        let token = served.token("1", None, false);
        let mut seen: Vec<Value> = Vec::new();
        let mut path = "/api/v1/rooms/standup/calls?limit=2".to_owned();
        let pages = loop {
            let (_, page) = served.get(&path, Some(&token)).await;
            let calls = page["calls"].as_array().unwrap();
            seen.extend(calls.iter().map(|call| call["id"].clone()));
            match page["next"].as_str() {
                Some(next) => path = format!("/api/v1/rooms/standup/calls?limit=2&before={next}"),
                None => break seen.len().div_ceil(2),
            }
        };
        assert_eq!((pages, seen), (3, ids));
    }

    async fn what_the_server_does_is_told_to_this_machine(db: TestDb) {
        let served = Served::start(&db).await;
        served.world.join("anna", "r").await;
        let ask = |headers: &'static [(&'static str, &'static str)]| {
            let mut request = Request::get("/metrics");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            served.request(request.body(Body::empty()).unwrap())
        };
        const ELSEWHERE: (&str, &str) = ("x-forwarded-for", "192.0.2.7");
        assert_eq!(ask(&[ELSEWHERE]).await.status(), 401);
        assert_eq!(ask(&[ELSEWHERE, ("x-api-key", API_KEY)]).await.status(), 200);
        let body = ask(&[]).await.into_body();
        let bytes = axum::body::to_bytes(body, 1 << 16).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        for line in ["convoke_calls 1", "convoke_participants 1"] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
    }

    async fn ready_means_that_a_join_would_succeed(db: TestDb) {
        let served = Served::start(&db).await;
        assert_eq!(served.get("/readyz", None).await, (200, json!({"status": "ready"})));
        served.world.media.refuse(Some(CommandError::Unavailable));
        let (status, problem) = served.get("/readyz", None).await;
        assert_eq!(status, 503);
        insta::assert_json_snapshot!("not_ready", problem);
        served.world.media.refuse(None);
        assert_eq!(served.get("/readyz", None).await.0, 200);
        served.world.store.close().await;
        assert_eq!(served.get("/readyz", None).await.0, 503);
        // The process is well; to restart it would not bring the database back.
        assert_eq!(served.get("/healthz", None).await, (200, json!({"status": "ok"})));
    }
}

#[tokio::test]
async fn who_asks_has_to_prove_it() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let token = served.token("1", None, false);
    let bearer = format!("Bearer {token}");
    let cases = [
        (None, 401),
        (Some(("authorization", bearer.as_str())), 200),
        (Some(("authorization", "Bearer wrong")), 401),
        (Some(("authorization", "Basic dXNlcjpwYXNz")), 401),
        (Some(("x-api-key", API_KEY)), 200),
        (Some(("x-api-key", "wrong")), 401),
        (Some(("cookie", token.as_str())), 401),
    ];
    for (header, want) in cases {
        let mut request = Request::get("/api/v1/rooms/standup/calls");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let response = served.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), want, "{header:?}");
        if want == 401 {
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    }
    let in_query = format!("/api/v1/rooms/standup/calls?token={token}");
    assert_eq!(served.get(&in_query, None).await.0, 401);
}

#[tokio::test]
async fn refusals_are_problems() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let token = served.token("1", None, false);
    let post = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/calls/7")
        .body(Body::empty());
    let posted = served.request(post.unwrap()).await;
    let kind = posted.headers()["content-type"].clone();
    assert_eq!(kind, "application/problem+json");
    let mut problems = vec![json_of(posted).await.1];
    for (path, token) in [
        ("/api/v1/rooms/standup/calls", None),
        ("/api/v1/rooms/a%20b/calls", Some(&token)),
        ("/api/v1/rooms/%ff/calls", Some(&token)),
        ("/api/v1/rooms/standup/calls?limit=0", Some(&token)),
        ("/api/v1/rooms/standup/calls?limit=many", Some(&token)),
        ("/api/v1/rooms/standup/calls?before=7", Some(&token)),
        ("/api/v1/calls/7", Some(&token)),
        ("/api/v1/nothing", Some(&token)),
        ("/ws", None),
    ] {
        let (status, problem) = served.get(path, token.map(String::as_str)).await;
        assert_eq!(problem["status"], status, "{path}");
        problems.push(problem);
    }
    insta::assert_json_snapshot!("problems", problems);
}

#[tokio::test]
async fn the_page_learns_how_to_get_in() {
    let db = TestDb::new(Engine::Sqlite).await;
    for guests in [true, false] {
        let setup = Setup {
            guests,
            ..Setup::default()
        };
        let served = Served::with(&db, setup).await;
        let (status, config) = served.get("/api/v1/config", None).await;
        assert_eq!((status, &config["guests"]), (200, &json!(guests)));
        insta::allow_duplicates! {
            insta::assert_json_snapshot!("page_config", config, { ".guests" => "[bool]" });
        }
    }
}
