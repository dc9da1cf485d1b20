//! `/api/calls`, the document "Video/Audio Calls – Corporate Chat".

use std::time::Duration;

use convoke_signaling::jitsi::{JitsiConfig, JitsiKey};
use serde_json::{Value, json};

use crate::asking::{By, claims, with_jitsi, without_tokens};
use crate::common::eventually;
use crate::on_both_databases;
use crate::served::{Served, Setup};

const INITIATE: &str = "/api/calls/initiate";

const ANN: By<'_> = By::User("1");
const BEN: By<'_> = By::User("2");
const CARA: By<'_> = By::User("3");
const STRANGER: By<'_> = By::User("9");

/// Ann calls these; the call's id and the whole answer.
async fn initiate(served: &Served, body: Value) -> (i64, Value) {
    let (status, answer) = served.ask(ANN, "POST", INITIATE, body).await;
    assert_eq!(status, 201, "{answer}");
    (answer["call"]["id"].as_i64().unwrap(), answer)
}

/// In the Jitsi, where whoever joined is believed for long.
async fn group_call(served: &Served) -> i64 {
    let body = json!({
        "callType": "video", "participants": [2, 3, 4], "chatId": 1, "backend": "jitsi",
    });
    initiate(served, body).await.0
}

fn path(id: i64, what: &str) -> String {
    match what {
        "" => format!("/api/calls/{id}"),
        what => format!("/api/calls/{id}/{what}"),
    }
}

async fn post(served: &Served, by: By<'_>, id: i64, what: &str) -> (u16, Value) {
    served.ask(by, "POST", &path(id, what), Value::Null).await
}

async fn done(served: &Served, by: By<'_>, id: i64, what: &str) -> Value {
    let (status, answer) = post(served, by, id, what).await;
    assert_eq!(status, 200, "{what}: {answer}");
    answer
}

async fn details(served: &Served, id: i64) -> Value {
    let (status, answer) = served.ask(ANN, "GET", &path(id, ""), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Room names differ each time.
fn redacted(value: &Value) -> Value {
    let text = without_tokens(value).to_string();
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("call-1-") {
        let name = rest[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let end = at + name.unwrap_or(rest.len() - at);
        shown.push_str(&rest[..at]);
        shown.push_str("call-1-[random]");
        rest = &rest[end..];
    }
    shown.push_str(rest);
    serde_json::from_str(&shown).unwrap()
}

on_both_databases! {
    async fn initiate_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({
            "callType": "video", "participants": [2, 3, 4], "chatId": 1, "backend": "jitsi",
        });
        let (_, answer) = initiate(&served, body).await;
        insta::assert_json_snapshot!("initiate", redacted(&answer));
        let token = claims(&answer["jitsi"]["token"]);
        insta::assert_json_snapshot!("initiate_claims", redacted(&token));
        let room = answer["call"]["roomName"].as_str().unwrap();
        assert_eq!(token["room"], room);
        let url = answer["jitsi"]["meetingUrl"].as_str().unwrap();
        let token = answer["jitsi"]["token"].as_str().unwrap();
        assert!(url.starts_with(&format!("https://meet.example.org/{room}")), "{url}");
        assert!(url.ends_with(&format!("#jwt={token}")), "{url}");
    }

    async fn initiate_on_our_own_backend_has_the_same_shape(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({"callType": "audio", "participants": ["2"]});
        let (id, answer) = initiate(&served, body).await;
        insta::assert_json_snapshot!("initiate_sfu", redacted(&answer));
        let room = answer["call"]["roomName"].as_str().unwrap();
        let token = answer["jitsi"]["token"].as_str().unwrap();
        let url = answer["jitsi"]["meetingUrl"].as_str().unwrap();
        assert!(url.ends_with(&format!("/r/{room}#jwt={token}")), "{url}");
        // The token is what our own page enters with.
        let joined = served.ask(By::Token(token), "POST", &path(id, "join"), Value::Null).await;
        assert_eq!(joined.0, 200);
        let other = group_call(&served).await;
        assert_eq!(served.ask(By::Token(token), "GET", &path(other, ""), Value::Null).await.0, 403);
    }

    async fn initiate_refuses_what_is_no_call(db: TestDb) {
        let served = with_jitsi(&db).await;
        let many: Vec<_> = (0..300).collect();
        let mut refusals = Vec::new();
        for body in [
            json!({"participants": [2]}),
            json!({"callType": "video"}),
            json!({"callType": "hologram", "participants": [2]}),
            json!({"callType": "video", "participants": 2}),
            json!({"callType": "video", "participants": []}),
            json!({"callType": "video", "participants": [1]}),
            json!({"callType": "video", "participants": [""]}),
            json!({"callType": "video", "participants": [2.5]}),
            json!({"callType": "video", "participants": [2], "backend": "zoom"}),
            json!({"callType": "video", "participants": many}),
            json!("{"),
            json!([]),
        ] {
            let (status, answer) = served.ask(ANN, "POST", INITIATE, body.clone()).await;
            assert!(matches!(status, 400 | 422), "{body}: {answer}");
            assert_eq!(answer["status"], status);
            refusals.push(answer);
        }
        insta::assert_json_snapshot!("initiate_refusals", refusals);
        assert_eq!(served.ask(By::Nobody, "POST", INITIATE, json!({})).await.0, 401);
    }

    async fn join_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({"callType": "video", "participants": [2, 3, 4], "backend": "jitsi"});
        let (id, _) = initiate(&served, body).await;
        served.world.clock.advance(Duration::from_secs(5));
        let answer = done(&served, BEN, id, "join").await;
        insta::assert_json_snapshot!("join", redacted(&answer));
        let token = claims(&answer["jitsi"]["token"]);
        assert_eq!(token["moderator"], false);
        assert_eq!(token["context"]["user"]["moderator"], "false");
        assert_eq!(done(&served, BEN, id, "join").await["call"], answer["call"]);
        let own = done(&served, ANN, id, "join").await;
        assert_eq!(claims(&own["jitsi"]["token"])["moderator"], true);
    }

    async fn leave_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = group_call(&served).await;
        done(&served, ANN, id, "join").await;
        done(&served, BEN, id, "join").await;
        let left = done(&served, BEN, id, "leave").await;
        assert_eq!(done(&served, BEN, id, "leave").await, left);
        insta::assert_json_snapshot!("leave", left);
        let participants = details(&served, id).await["participants"].clone();
        assert_eq!(participants[0]["status"], "joined");
        assert_eq!(participants[1]["status"], "left");
    }

    async fn end_is_for_moderators(db: TestDb) {
        let served = with_jitsi(&db).await;
        // Of two as well.
        let (direct, _) = initiate(&served, json!({"callType": "video", "participants": [2]})).await;
        for by in [ANN, BEN] {
            done(&served, by, direct, "join").await;
        }
        let refused = post(&served, BEN, direct, "end").await;
        assert_eq!(refused.0, 403);
        insta::assert_json_snapshot!("end_refused", refused.1);
        let ended = done(&served, ANN, direct, "end").await;
        insta::assert_json_snapshot!("end", ended);
        assert_eq!(details(&served, direct).await["call"]["status"], "ended");
        // Ending twice is ending once; the application's backend may as well.
        done(&served, ANN, direct, "end").await;
        let group = group_call(&served).await;
        done(&served, By::Backend, group, "end").await;
    }

    async fn decline_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = group_call(&served).await;
        let declined = done(&served, BEN, id, "decline").await;
        insta::assert_json_snapshot!("decline", declined);
        let answer = details(&served, id).await;
        assert_eq!(answer["participants"][1]["status"], "declined");
        assert_eq!(answer["participants"][2]["status"], "invited");
        for by in [CARA, By::User("4")] {
            done(&served, by, id, "decline").await;
        }
        assert_eq!(details(&served, id).await["call"]["status"], "ended");
    }

    async fn details_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        for (id, name, username, role) in [
            ("1", "John Doe", "john", "admin"),
            ("3", "Jane Smith", "jane", "nurse"),
        ] {
            let user = json!({"name": name, "username": username, "role": role});
            let path = format!("/api/v1/directory/users/{id}");
            served.get_done(By::Backend, "PUT", &path, user).await;
        }
        let id = group_call(&served).await;
        done(&served, ANN, id, "join").await;
        served.world.clock.advance(Duration::from_secs(30));
        done(&served, BEN, id, "join").await;
        done(&served, CARA, id, "decline").await;
        insta::assert_json_snapshot!("details_ongoing", redacted(&details(&served, id).await));
        served.world.clock.advance(Duration::from_secs(1680));
        done(&served, ANN, id, "end").await;
        insta::assert_json_snapshot!("details", redacted(&details(&served, id).await));
    }

    /// "Full-page Jitsi Meet embed": the front end closes it and never says `leave`.
    async fn the_same_two_call_again_after_a_call_that_nobody_left(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({"callType": "video", "participants": [2], "backend": "jitsi"});
        let (first, _) = initiate(&served, body.clone()).await;
        done(&served, ANN, first, "join").await;
        done(&served, BEN, first, "join").await;
        served.world.clock.advance(Duration::from_secs(600));
        let (second, _) = initiate(&served, body).await;
        assert_ne!(first, second);
        let over = details(&served, first).await;
        assert_eq!((&over["call"]["status"], &over["call"]["duration"]), (&json!("ended"), &json!(600)));
        assert_eq!(details(&served, second).await["call"]["status"], "pending");
    }

    async fn a_page_says_that_it_is_open_and_is_closed(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, call) = initiate(&served, json!({"callType": "video", "participants": [2, 3]})).await;
        let room = call["call"]["roomName"].as_str().unwrap();
        let presence = format!("/api/v1/rooms/{room}/presence");
        let says = async |by: By<'_>, there: bool| {
            served.ask(by, "PUT", &presence, json!({"there": there})).await.0
        };
        done(&served, ANN, id, "join").await;
        done(&served, BEN, id, "join").await;
        served.world.clock.advance(Duration::from_secs(100));
        assert_eq!((says(ANN, true).await, says(BEN, false).await), (204, 204));
        served.world.clock.advance(Duration::from_secs(20));
        let participants = eventually("ben is out", async || {
            let participants = details(&served, id).await["participants"].clone();
            (participants[1]["status"] == "left").then_some(participants)
        })
        .await;
        assert_eq!(participants[1]["duration"], 100);
        assert_eq!(participants[0]["status"], "joined");
        // Others learn nothing from it.
        assert_eq!((says(STRANGER, true).await, says(By::Nobody, true).await), (204, 401));
        assert_eq!(served.ask(ANN, "PUT", &presence, json!({})).await.0, 422);
    }

    /// The directory's name is the user's, where a token has none.
    async fn a_token_without_a_name_takes_nobodys_away(db: TestDb) {
        let served = with_jitsi(&db).await;
        let directory = "/api/v1/directory/users/1";
        let token = served.nameless_token("1", "john@example.org");
        let nameless = By::Token(&token);
        let body = json!({"callType": "video", "participants": [2], "backend": "jitsi"});
        let call = |body: Value| served.ask(nameless, "POST", INITIATE, body);
        let (_, first) = call(body.clone()).await;
        assert_eq!(first["jitsi"]["config"]["userInfo"]["name"], "john@example.org");
        for name in ["John Doe", "Dr. John Doe"] {
            served.get_done(By::Backend, "PUT", directory, json!({"name": name})).await;
            let (_, made) = call(body.clone()).await;
            let said = claims(&made["jitsi"]["token"]);
            assert_eq!(said["context"]["user"]["name"], name);
            assert_eq!(made["jitsi"]["config"]["userInfo"]["name"], name);
            let id = made["call"]["id"].as_i64().unwrap();
            done(&served, nameless, id, "join").await;
            let shown = served.get_done(nameless, "GET", &path(id, ""), Value::Null).await;
            assert_eq!(shown["participants"][0]["name"], name);
            let known = served.get_done(By::Backend, "GET", directory, Value::Null).await;
            assert_eq!(known["name"], name);
        }
    }

    async fn history_all_comes_in_pages(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let id = group_call(&served).await;
            done(&served, ANN, id, "join").await;
            served.world.clock.advance(Duration::from_secs(30));
            done(&served, ANN, id, "end").await;
            ids.insert(0, id);
        }
        let history = |query: &'static str| {
            let path = format!("/api/calls/history/all{query}");
            let served = &served;
            async move { served.get_done(BEN, "GET", &path, Value::Null).await }
        };
        let all = history("").await;
        insta::assert_json_snapshot!("history", redacted(&all));
        let seen = |page: &Value| -> Vec<i64> {
            let calls = page["calls"].as_array().unwrap().iter();
            calls.map(|call| call["id"].as_i64().unwrap()).collect()
        };
        assert_eq!(seen(&all), ids);
        let page = history("?limit=2&offset=1").await;
        assert_eq!((seen(&page), &page["limit"], &page["offset"]), (ids[1..].to_vec(), &json!(2), &json!(1)));
        assert_eq!(history("?limit=1000").await["limit"], 100);
        for query in ["?limit=0", "?limit=-1", "?limit=all", "?offset=x", "?offset=100001"] {
            let path = format!("/api/calls/history/all{query}");
            assert_eq!(served.refused(BEN, "GET", &path, Value::Null).await.0, 400, "{query}");
        }
        let strange = served.get_done(STRANGER, "GET", "/api/calls/history/all", Value::Null).await;
        assert_eq!(strange["calls"], json!([]));
    }

    async fn active_all_shows_what_is_not_over(db: TestDb) {
        let served = with_jitsi(&db).await;
        let over = group_call(&served).await;
        done(&served, ANN, over, "end").await;
        let (ongoing, _) = initiate(&served, json!({"callType": "video", "participants": [2]})).await;
        done(&served, BEN, ongoing, "join").await;
        let active = served.get_done(BEN, "GET", "/api/calls/active/all", Value::Null).await;
        insta::assert_json_snapshot!("active", redacted(&active));
        let active = served.get_done(STRANGER, "GET", "/api/calls/active/all", Value::Null).await;
        assert_eq!(active, json!({"activeCalls": []}));
    }

    /// What other documents made is in their lists.
    async fn the_lists_have_this_document_s_calls(db: TestDb) {
        let served = with_jitsi(&db).await;
        let room = json!({"users": [{"userId": "1", "userName": "Ann"}]});
        served.get_done(ANN, "POST", "/api/jitsi/rooms", room).await;
        let meeting = json!({"title": "Interview", "participantUserIds": [2]});
        assert_eq!(served.ask(ANN, "POST", "/api/meeting/create", meeting).await.0, 201);
        for (list, calls) in [("history/all", "calls"), ("active/all", "activeCalls")] {
            let path = format!("/api/calls/{list}");
            let shown = served.get_done(ANN, "GET", &path, Value::Null).await;
            assert_eq!(shown[calls], json!([]), "{list}");
        }
        group_call(&served).await;
        let active = served.get_done(ANN, "GET", "/api/calls/active/all", Value::Null).await;
        assert_eq!(active["activeCalls"].as_array().unwrap().len(), 1);
    }

    async fn config_status_tells_what_is_wrong(db: TestDb) {
        let served = with_jitsi(&db).await;
        let status = "/api/calls/config/status";
        let own = served.get_done(ANN, "GET", status, Value::Null).await;
        assert_eq!(own["warnings"], json!([]));
        // A request may ask for the Jitsi, and gets no token then.
        let bare = Served::start(&db).await;
        let bare = bare.get_done(ANN, "GET", status, Value::Null).await;
        assert_eq!(bare["configured"], true);
        assert_eq!(bare["warnings"].as_array().unwrap().len(), 1, "{bare}");
        let jitsi = JitsiConfig {
            use_jwt: true,
            key: Some(JitsiKey::Secret("your_jitsi_secret_min_32_chars".to_owned())),
            ..JitsiConfig::default()
        };
        let setup = Setup {
            jitsi,
            backend: convoke_signaling::domain::call::Backend::Jitsi,
            ..Setup::default()
        };
        let served = Served::with(&db, setup).await;
        insta::assert_json_snapshot!(
            "config_status",
            served.get_done(ANN, "GET", status, Value::Null).await
        );
        assert_eq!(served.ask(By::Nobody, "GET", status, Value::Null).await.0, 401);
    }

    async fn a_call_that_is_not_there_and_one_that_is_not_yours(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = group_call(&served).await;
        let requests = [("GET", ""), ("POST", "join"), ("POST", "leave"), ("POST", "end"), ("POST", "decline")];
        for (method, what) in requests {
            for (id, status, error) in [
                (id, 403, "You are not a participant"),
                (id + 1, 404, "Call not found"),
                (i64::MAX, 404, "Call not found"),
                (-1, 404, "Call not found"),
            ] {
                let answer = served.ask(STRANGER, method, &path(id, what), Value::Null).await;
                assert_eq!(answer.0, status, "{method} {what} {id}");
                assert_eq!(answer.1["error"], error);
                assert_eq!(answer.1["type"], "urn:convoke:problem:unknown-call");
            }
            let strange = format!("/api/calls/abc/{what}");
            let strange = strange.trim_end_matches('/');
            assert_eq!(served.ask(ANN, method, strange, Value::Null).await.0, 404);
        }
        done(&served, ANN, id, "end").await;
        let late = post(&served, BEN, id, "join").await;
        assert_eq!((late.0, &late.1["error"]), (404, &json!("Call not found")));
        // Beyond this document's paths, the envelope is still this document's.
        let answer = served.ask(ANN, "GET", "/api/calls/nothing/at/all", Value::Null).await;
        assert_eq!((answer.0, answer.1["error"].is_string()), (404, true));
    }

    async fn nobody_answering_ends_the_call(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = group_call(&served).await;
        served.world.clock.advance(Duration::from_secs(46));
        let ended = eventually("the ring is over", async || {
            let answer = details(&served, id).await;
            (answer["call"]["status"] == "ended").then_some(answer)
        });
        assert_eq!(ended.await["participants"][1]["status"], "invited");
    }
}
