//! `/api/meeting`, the document "Jitsi Meet Integration".

use std::time::Duration;

use serde_json::{Value, json};

use crate::asking::{By, claims, with_jitsi, without_tokens};
use crate::common::eventually;
use crate::on_both_databases;
use crate::served::Served;
use crate::socket::Socket;

const CREATE: &str = "/api/meeting/create";

const HOST: By<'_> = By::User("1");
const MODERATOR: By<'_> = By::User("2");
const GUEST: By<'_> = By::User("123");
const STRANGER: By<'_> = By::User("9");

/// The document's own example, with more of what it lists.
fn instant() -> Value {
    json!({
        "title": "Test Meeting",
        "participantUserIds": [123, "anna"],
        "moderatorUserIds": [2],
    })
}

fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

async fn create(served: &Served, body: Value) -> Value {
    let (status, meeting) = served.ask(HOST, "POST", CREATE, body).await;
    assert_eq!(status, 201, "{meeting}");
    meeting
}

async fn created(served: &Served, body: Value) -> i64 {
    create(served, body).await["id"].as_i64().unwrap()
}

fn path(id: i64, what: &str) -> String {
    match what {
        "" => format!("/api/meeting/{id}"),
        what => format!("/api/meeting/{id}/{what}"),
    }
}

async fn join(served: &Served, by: By<'_>, id: i64, body: Value) -> (u16, Value) {
    served.ask(by, "POST", &path(id, "join"), body).await
}

/// Status and type of what must be refused.
async fn refused(served: &Served, by: By<'_>, method: &str, path: &str) -> (u16, String) {
    served.refused(by, method, path, Value::Null).await
}

fn refusal(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

/// Room names differ each time.
fn redacted(value: &Value) -> Value {
    let room = value["roomName"].as_str().unwrap_or_default().to_owned();
    let text = without_tokens(value).to_string();
    assert!(
        room.starts_with("Interview_") && room.len() == "Interview_".len() + 32,
        "{room}"
    );
    serde_json::from_str(&text.replace(&room, "Interview_[random]")).unwrap()
}

/// A device in the meeting, by the link that joining gave, with its microphone on.
async fn talking(served: &Served, user: &str, id: i64) -> Socket {
    let (status, joined) = join(served, By::User(user), id, Value::Null).await;
    assert_eq!(status, 200, "{joined}");
    let mut device = served.connect().await;
    let token = &joined["jitsiToken"];
    device
        .send(json!({"type": "hello", "protocol": 1, "token": token}))
        .await;
    device.expect("welcome").await;
    device.join(joined["roomName"].as_str().unwrap()).await;
    let publish = json!([{"mid": "0", "source": "microphone"}]);
    device
        .send(json!({"type": "offer", "request": 2, "sdp": "v=0", "publish": publish}))
        .await;
    heard(&mut device, "answer").await;
    device
}

/// The next message of this type, past all others.
async fn heard(device: &mut Socket, kind: &str) -> Value {
    loop {
        let message = device.next().await.expect("the socket is open");
        if message["type"] == kind {
            return message;
        }
    }
}

on_both_databases! {
    /// POST /api/meeting/create.
    async fn create_an_instant_meeting(db: TestDb) {
        let served = with_jitsi(&db).await;
        let meeting = create(&served, instant()).await;
        insta::allow_duplicates! { insta::assert_json_snapshot!("create", redacted(&meeting)); }
        // As little as the document's curl line says, and less.
        for body in [
            json!({"title": "Test Meeting", "participantUserIds": [123]}),
            json!({"title": "Alone"}),
            json!({"title": "Alone", "participantUserIds": []}),
        ] {
            create(&served, body).await;
        }
    }

    async fn an_instant_meeting_that_nobody_comes_to_ends_by_itself(db: TestDb) {
        let served = with_jitsi(&db).await;
        for body in [json!({"title": "Alone"}), instant()] {
            let id = created(&served, body).await;
            let state = async || served.get_done(HOST, "GET", &path(id, ""), Value::Null).await;
            served.world.clock.advance(Duration::from_secs(46));
            assert_eq!(state().await["status"], "InProgress");
            served.world.clock.advance(Duration::from_secs(600));
            eventually("it is over", async || {
                (state().await["status"] == "Completed").then_some(())
            })
            .await;
        }
    }

    async fn create_a_scheduled_meeting_with_everything(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({
            "title": "Interview",
            "participantUserIds": [123],
            "scheduledAt": "2023-11-15T10:00:00+01:00",
            "password": "secret",
            "isRecordingEnabled": false,
            "chatId": 77,
            "backend": "jitsi",
        });
        let meeting = create(&served, body.clone()).await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!("create_scheduled", redacted(&meeting));
        }
        // The other names that front ends have for the same.
        let other = json!({
            "title": "Interview", "scheduledTime": "2023-11-15T09:00", "recordingEnabled": false,
            "conversationId": "77",
        });
        let other = create(&served, other).await;
        for field in ["scheduledAt", "isRecordingEnabled", "chatId"] {
            assert_eq!(other[field], meeting[field], "{field}");
        }
        // A time that is over already is now.
        let late = create(&served, with(body, "scheduledAt", "2023-11-14T22:13:19Z")).await;
        assert_eq!((&late["status"], &late["scheduledAt"]), (&json!("InProgress"), &Value::Null));
    }

    async fn create_refuses_what_is_no_meeting(db: TestDb) {
        let served = with_jitsi(&db).await;
        let many: Vec<_> = (0..300).collect();
        let mut refusals = Vec::new();
        for body in [
            json!({}),
            json!({"title": ""}),
            json!({"title": "x".repeat(201)}),
            json!({"title": "a\0b"}),
            json!({"title": 7}),
            with(instant(), "participantUserIds", "123"),
            with(instant(), "participantUserIds", json!([1.5])),
            with(instant(), "participantUserIds", json!([""])),
            with(instant(), "participantUserIds", json!(many)),
            with(instant(), "scheduledAt", "tomorrow"),
            with(instant(), "scheduledAt", 1_700_000_000),
            with(instant(), "password", "x".repeat(129)),
            with(instant(), "isRecordingEnabled", "yes"),
            with(instant(), "chatId", json!({})),
            with(instant(), "backend", "zoom"),
            json!("{"),
        ] {
            let (status, answer) = served.ask(HOST, "POST", CREATE, body).await;
            refusals.push(json!([status, answer["type"], answer["detail"]]));
        }
        insta::allow_duplicates! { insta::assert_json_snapshot!("create_refusals", refusals); }
        // Whose chat it is not cannot link to it.
        let chat = "/api/v1/directory/chat-rooms/77";
        served.get_done(By::Backend, "PUT", chat, json!({"memberIds": [2, 3]})).await;
        let body = with(instant(), "chatId", 77);
        let unknown = served.refused(HOST, "POST", CREATE, body).await;
        assert_eq!(unknown, refusal(404, "unknown-chat"));
        assert_eq!(served.ask(By::Nobody, "POST", CREATE, instant()).await.0, 401);
    }

    /// POST /api/meeting/:id/join.
    async fn join_gives_token_room_name_and_role(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = with(instant(), "backend", "jitsi");
        let meeting = create(&served, body).await;
        let id = meeting["id"].as_i64().unwrap();
        let mut shown = Vec::new();
        for by in [HOST, MODERATOR, GUEST] {
            let (status, answer) = join(&served, by, id, Value::Null).await;
            assert_eq!(status, 200, "{answer}");
            assert_eq!(answer["roomName"], meeting["roomName"]);
            let token = claims(&answer["jitsiToken"]);
            // Prosody compares in lower case.
            let room = meeting["roomName"].as_str().unwrap().to_lowercase();
            assert_eq!(token["room"], room);
            let token = token.to_string().replace(&room, "interview_[random]");
            let token: Value = serde_json::from_str(&token).unwrap();
            shown.push(json!([redacted(&answer), token]));
        }
        insta::allow_duplicates! { insta::assert_json_snapshot!("join", shown); }
    }

    async fn join_on_our_own_backend_lands_with_us(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, instant()).await;
        let (_, answer) = join(&served, MODERATOR, id, Value::Null).await;
        insta::allow_duplicates! { insta::assert_json_snapshot!("join_sfu", redacted(&answer)); }
        let (room, token) = (&answer["roomName"], &answer["jitsiToken"]);
        let (room, token) = (room.as_str().unwrap(), token.as_str().unwrap());
        let url = answer["meetingUrl"].as_str().unwrap();
        assert!(url.ends_with(&format!("/r/{room}#jwt={token}")), "{url}");

        // What our page does with it: the same participant, with a device now.
        let mut device = served.connect().await;
        device.send(json!({"type": "hello", "protocol": 1, "token": token})).await;
        device.expect("welcome").await;
        let joined = device.join(room).await;
        assert_eq!(joined["you"]["role"], "moderator", "{joined}");
        let meeting = served.get_done(HOST, "GET", &path(id, ""), Value::Null).await;
        let people = meeting["participants"].as_array().unwrap();
        let here = people.iter().filter(|p| p["status"] == "joined").count();
        assert_eq!((people.len(), here), (4, 1), "{meeting}");

        // The token is for the room alone, and does not make a moderator a host.
        let by = By::Token(token);
        assert_eq!(refused(&served, by, "PUT", &path(id, "end")).await, refusal(403, "forbidden"));
        let other = created(&served, instant()).await;
        let elsewhere = join(&served, by, other, Value::Null).await;
        assert_eq!(elsewhere.0, 404);
    }

    async fn join_is_for_members_and_repeats(db: TestDb) {
        let served = with_jitsi(&db).await;
        let chat = "/api/v1/directory/chat-rooms/77";
        served.get_done(By::Backend, "PUT", chat, json!({"memberIds": [1, 7]})).await;
        let id = created(&served, with(instant(), "chatId", 77)).await;
        for by in [HOST, GUEST, GUEST, By::User("anna"), By::User("7")] {
            assert_eq!(join(&served, by, id, json!({})).await.0, 200, "{by:?}");
        }
        // To a stranger it looks like one that is not there.
        let there = join(&served, STRANGER, id, Value::Null).await;
        assert_eq!(there, join(&served, STRANGER, 4711, Value::Null).await);
        assert_eq!((there.0, &there.1["type"]), (404, &json!("urn:convoke:problem:unknown-call")));
        let words = refused(&served, HOST, "POST", "/api/meeting/x/join").await;
        assert_eq!(words, refusal(404, "unknown-call"));
        // Nor is a call of another kind a meeting.
        let mut device = served.enter("1").await;
        device.join("standup").await;
        let calls = "/api/v1/rooms/standup/calls";
        let calls = served.get_done(HOST, "GET", calls, Value::Null).await;
        let call = calls["calls"][0]["number"].as_i64().unwrap();
        assert_eq!(join(&served, HOST, call, Value::Null).await.0, 404);
    }

    async fn join_with_a_password(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, with(instant(), "password", "secret")).await;
        let right = json!({"password": "secret"});
        let wrong = json!({"password": "Secret"});
        // by, what it says, status
        for (by, body, want) in [
            (HOST, Value::Null, 200),
            (MODERATOR, Value::Null, 200),
            (GUEST, Value::Null, 403),
            (GUEST, wrong.clone(), 403),
            (GUEST, right.clone(), 200),
            // Not even told that there is something to know.
            (STRANGER, Value::Null, 404),
            (STRANGER, wrong.clone(), 404),
            (STRANGER, right, 200),
            (STRANGER, json!({"password": 7}), 422),
        ] {
            let (status, answer) = join(&served, by, id, body.clone()).await;
            assert_eq!(status, want, "{by:?} {body} {answer}");
            if status == 403 {
                assert_eq!(answer["type"], "urn:convoke:problem:wrong-password");
            }
        }
        // However often it guesses, it looks as if there were nothing.
        let nothing = join(&served, By::User("77"), 4711, wrong.clone()).await;
        for _ in 0..12 {
            assert_eq!(join(&served, By::User("77"), id, wrong.clone()).await, nothing);
        }
        let (_, answer) = join(&served, STRANGER, id, json!({"password": "secret"})).await;
        assert_eq!(answer["role"], "Participant");
    }

    /// PUT /api/meeting/:id/end.
    async fn end_is_the_host_s(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, instant()).await;
        for by in [HOST, MODERATOR, GUEST] {
            join(&served, by, id, Value::Null).await;
        }
        served.world.clock.advance(Duration::from_secs(90));
        for by in [MODERATOR, GUEST] {
            assert_eq!(refused(&served, by, "PUT", &path(id, "end")).await, refusal(403, "forbidden"));
        }
        let stranger = refused(&served, STRANGER, "PUT", &path(id, "end")).await;
        assert_eq!(stranger, refusal(404, "unknown-call"));
        let ended = served.get_done(HOST, "PUT", &path(id, "end"), Value::Null).await;
        insta::allow_duplicates! { insta::assert_json_snapshot!("end", redacted(&ended)); }
        assert_eq!(served.get_done(HOST, "PUT", &path(id, "end"), Value::Null).await, ended);
        let late = join(&served, GUEST, id, Value::Null).await;
        assert_eq!((late.0, &late.1["type"]), (409, &json!("urn:convoke:problem:call-over")));
    }

    /// PUT /api/meeting/:id/cancel.
    async fn cancel_is_the_host_s(db: TestDb) {
        let served = with_jitsi(&db).await;
        let scheduled = with(instant(), "scheduledAt", "2023-11-15T10:00:00Z");
        for (body, before) in [(scheduled, "Scheduled"), (instant(), "InProgress")] {
            let id = created(&served, body).await;
            let meeting = served.get_done(GUEST, "GET", &path(id, ""), Value::Null).await;
            assert_eq!(meeting["status"], before);
            for by in [MODERATOR, GUEST] {
                let refused = refused(&served, by, "PUT", &path(id, "cancel")).await;
                assert_eq!(refused, refusal(403, "forbidden"));
            }
            let stranger = refused(&served, STRANGER, "PUT", &path(id, "cancel")).await;
            assert_eq!(stranger, refusal(404, "unknown-call"));
            let cancelled = served.get_done(HOST, "PUT", &path(id, "cancel"), Value::Null).await;
            assert_eq!(cancelled["status"], "Cancelled");
            insta::assert_json_snapshot!(format!("cancelled_{before}"), redacted(&cancelled));
            let told = served.get_done(GUEST, "GET", "/api/v1/notifications", Value::Null).await;
            assert_eq!(told["notifications"][0]["kind"], "cancelled");
            assert_eq!(told["notifications"][0]["call"]["number"], id);
        }
    }

    /// "Can Mute All", of a meeting that is held here.
    async fn mute_all_is_for_host_and_moderators(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, with(instant(), "backend", "sfu")).await;
        let mute = path(id, "mute-all");
        // Nobody is there yet, and nobody is muted.
        let nobody = served.get_done(HOST, "POST", &mute, Value::Null).await;
        assert_eq!(nobody, json!({"success": true, "mutedUserIds": []}));
        let mut devices = Vec::new();
        for user in ["1", "2", "123", "123", "anna"] {
            devices.push(talking(&served, user, id).await);
        }
        for (by, want) in [
            (GUEST, refusal(403, "forbidden")),
            (STRANGER, refusal(404, "unknown-call")),
            (By::Nobody, refusal(401, "unauthorized")),
        ] {
            assert_eq!(refused(&served, by, "POST", &mute).await, want);
        }
        let muted = served.get_done(MODERATOR, "POST", &mute, Value::Null).await;
        insta::allow_duplicates! { insta::assert_json_snapshot!("mute_all", muted); }
        let told = heard(&mut devices[2], "muted").await;
        assert_eq!(told["by"], json!({"userId": "2", "name": "User 2"}));
        // Whoever leads is muted as well, by another: the host application for instance.
        let rest = served.get_done(By::Backend, "POST", &mute, Value::Null).await;
        assert_eq!(rest["mutedUserIds"], json!([2]));
        assert_eq!(heard(&mut devices[1], "muted").await.get("by"), None);

        served.get_done(HOST, "PUT", &path(id, "end"), Value::Null).await;
        assert_eq!(refused(&served, HOST, "POST", &mute).await, refusal(409, "call-over"));
        let jitsi = created(&served, with(instant(), "backend", "jitsi")).await;
        let elsewhere = refused(&served, HOST, "POST", &path(jitsi, "mute-all")).await;
        assert_eq!(elsewhere, refusal(409, "held-elsewhere"));
    }

    /// GET /api/meeting/list.
    async fn list_shows_one_s_own_latest_first(db: TestDb) {
        let served = with_jitsi(&db).await;
        // A call of another kind is not one of them.
        served.enter("123").await.join("standup").await;
        let mut ids = Vec::new();
        for n in 0..4 {
            let title = format!("Meeting {n}");
            ids.push(created(&served, with(instant(), "title", title)).await);
        }
        created(&served, json!({"title": "Alone"})).await;
        ids.reverse();
        let listed = async |by: By<'_>, query: &str| {
            let path = format!("/api/meeting/list{query}");
            let list = served.get_done(by, "GET", &path, Value::Null).await;
            let list = list["meetings"].as_array().unwrap().clone();
            list.iter().map(|m| m["id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(listed(GUEST, "").await, ids);
        assert_eq!(listed(GUEST, "?limit=2&offset=1").await, ids[1..3]);
        let one = served.get_done(GUEST, "GET", "/api/meeting/list?limit=1", Value::Null).await;
        insta::assert_json_snapshot!("list", one, { ".meetings[].roomName" => "[room]" });
        assert_eq!(listed(HOST, "").await.len(), 5);
        assert_eq!(listed(STRANGER, "").await, [0; 0]);
        let wide = refused(&served, HOST, "GET", "/api/meeting/list?limit=101").await;
        assert_eq!(wide, refusal(400, "malformed"));
    }

    /// GET /api/meeting/:id.
    async fn details_are_for_members(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, with(instant(), "password", "secret")).await;
        join(&served, HOST, id, Value::Null).await;
        served.world.clock.advance(Duration::from_secs(5));
        let details = served.get_done(GUEST, "GET", &path(id, ""), Value::Null).await;
        insta::allow_duplicates! { insta::assert_json_snapshot!("details", redacted(&details)); }
        for (by, want) in [(STRANGER, 404), (By::Nobody, 401), (By::Backend, 200)] {
            assert_eq!(served.ask(by, "GET", &path(id, ""), Value::Null).await.0, want);
        }
        for id in ["0", "-1", "4711", "x", "99999999999999999999"] {
            let unknown = refused(&served, HOST, "GET", &format!("/api/meeting/{id}")).await;
            assert_eq!(unknown, refusal(404, "unknown-call"), "{id}");
        }
    }

    /// POST /api/meeting/:id/recording.
    async fn recordings_are_added_by_those_who_may(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = created(&served, instant()).await;
        for by in [HOST, MODERATOR, GUEST] {
            join(&served, by, id, Value::Null).await;
        }
        let file = json!({
            "fileUrl": "https://files.example.org/1.mp4", "fileSize": 1_048_576,
            "duration": 61.7, "format": "mp4",
        });
        let add = async |by: By<'_>, body: Value| {
            served.ask(by, "POST", &path(id, "recording"), body).await
        };
        let (status, added) = add(HOST, file.clone()).await;
        assert_eq!(status, 201, "{added}");
        insta::allow_duplicates! { insta::assert_json_snapshot!("recording", added); }
        // Afterwards as well.
        served.get_done(HOST, "PUT", &path(id, "end"), Value::Null).await;
        let little = json!({"url": "/recordings/2.webm"});
        assert_eq!(add(MODERATOR, little.clone()).await.0, 201);
        let (_, named) = add(HOST, json!({"fileUrl": "3.mp4"})).await;
        assert_eq!(named["fileUrl"], "./public/recordings/3.mp4");
        assert_eq!(add(GUEST, file.clone()).await.0, 403);
        assert_eq!(add(STRANGER, file.clone()).await.0, 404);
        for body in [
            json!({}),
            json!({"fileUrl": ""}),
            json!({"fileUrl": "x".repeat(2049)}),
            with(file.clone(), "fileSize", -1),
            with(file.clone(), "fileSize", 1e300),
            with(file.clone(), "duration", "long"),
            with(file.clone(), "format", "x".repeat(33)),
        ] {
            assert_eq!(add(HOST, body.clone()).await.0, 422, "{body}");
        }
        let details = served.get_done(GUEST, "GET", &path(id, ""), Value::Null).await;
        let urls = details["recordings"].as_array().unwrap().iter();
        let urls: Vec<_> = urls.map(|r| r["fileUrl"].as_str().unwrap()).collect();
        let want = ["https://files.example.org/1.mp4", "/recordings/2.webm", "./public/recordings/3.mp4"];
        assert_eq!(urls, want);

        let without = created(&served, with(instant(), "isRecordingEnabled", false)).await;
        let refused = served.refused(HOST, "POST", &path(without, "recording"), little).await;
        assert_eq!(refused, refusal(403, "not-recordable"));
    }

    /// JITSI_RECORDING_ENABLED.
    async fn a_jitsi_that_may_not_record_records_nothing(db: TestDb) {
        // Unset it is false.
        let served = Served::start(&db).await;
        for (backend, recordable) in [("jitsi", false), ("sfu", true)] {
            let body = with(instant(), "isRecordingEnabled", true);
            let meeting = create(&served, with(body, "backend", backend)).await;
            assert_eq!(meeting["isRecordingEnabled"], recordable, "{backend}");
        }
    }
}
