//! `/api/video-calls`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::asking::{By, claims, with_jitsi, without_tokens};
use crate::common::{TestDb, eventually};
use crate::on_both_databases;
use crate::served::Served;

const INITIATE: &str = "/api/video-calls/initiate";
const LIST: &str = "/api/video-calls";
const DOCTOR: By<'static> = By::User("doctor123");
const PATIENT: By<'static> = By::User("patient456");
const STRANGER: By<'static> = By::User("stranger");
const ID: &str = "clxxx123456789";

/// A server with an appointment that is on now, from 22:00 to 22:30 on the tests'
/// first day, at 22:13:20.
async fn with_appointment(db: &TestDb) -> Served {
    let served = with_jitsi(db).await;
    for (id, name, email) in [
        ("doctor123", "John Doe", "doctor@example.com"),
        ("patient456", "Jane Ann Smith", "patient@example.com"),
    ] {
        let user = json!({
            "name": name, "email": email, "avatarUrl": "https://example.org/a.png",
        });
        let path = format!("/api/v1/directory/users/{id}");
        served.get_done(By::Backend, "PUT", &path, user).await;
    }
    put_appointment(&served, ID, "CONFIRMED").await;
    served
}

async fn put_appointment(served: &Served, id: &str, status: &str) {
    let appointment = json!({
        "doctorId": "doctor123", "patientId": "patient456",
        "appointmentDate": "2023-11-14", "startTime": "22:00", "endTime": "22:30",
        "status": status,
    });
    let path = format!("/api/v1/directory/appointments/{id}");
    served
        .get_done(By::Backend, "PUT", &path, appointment)
        .await;
}

async fn initiate(served: &Served, by: By<'_>) -> Value {
    let body = json!({"appointmentId": ID, "backend": "jitsi"});
    served.get_done(by, "POST", INITIATE, body).await
}

async fn act(served: &Served, by: By<'_>, action: &str) -> Value {
    let path = format!("{LIST}/{ID}/status");
    served
        .get_done(by, "PATCH", &path, json!({"action": action}))
        .await
}

async fn details(served: &Served) -> Value {
    served
        .get_done(DOCTOR, "GET", &format!("{LIST}/{ID}"), Value::Null)
        .await
}

async fn statuses(served: &Served) -> (String, String) {
    let details = details(served).await;
    let word = |value: &Value| value["status"].as_str().unwrap().to_owned();
    (word(&details["videoCall"]), word(&details["appointment"]))
}

async fn appointment_status(served: &Served) -> String {
    let path = format!("/api/v1/directory/appointments/{ID}");
    let appointment = served
        .get_done(By::Backend, "GET", &path, Value::Null)
        .await;
    appointment["status"].as_str().unwrap().to_owned()
}

fn redacted(value: &Value) -> Value {
    let mut value = without_tokens(value);
    if let Some(call) = value.get_mut("videoCall") {
        call["id"] = json!("[call]");
    }
    for call in value
        .get_mut("videoCalls")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        call["id"] = json!("[call]");
    }
    value
}

fn pair(call: &str, appointment: &str) -> (String, String) {
    (call.to_owned(), appointment.to_owned())
}

on_both_databases! {
    async fn initiate_by_the_doctor(db: TestDb) {
        let served = with_appointment(&db).await;
        let answer = initiate(&served, DOCTOR).await;
        insta::assert_json_snapshot!("initiate_doctor", redacted(&answer));
        insta::assert_json_snapshot!("initiate_doctor_claims", claims(&answer["jitsiToken"]));
        let link = answer["meetingLink"].as_str().unwrap();
        assert!(link.ends_with(answer["jitsiToken"].as_str().unwrap()));
    }

    async fn initiate_by_the_patient_gives_the_one_call_of_the_appointment(db: TestDb) {
        let served = with_appointment(&db).await;
        let first = initiate(&served, PATIENT).await;
        insta::assert_json_snapshot!("initiate_patient", redacted(&first));
        let second = initiate(&served, DOCTOR).await;
        assert_eq!(first["videoCall"]["id"], second["videoCall"]["id"]);
        assert_eq!(second["isModerator"], json!(true));
        let both = tokio::join!(initiate(&served, DOCTOR), initiate(&served, PATIENT));
        assert_eq!(both.0["videoCall"], both.1["videoCall"]);
    }

    async fn initiate_refuses_as_the_document_lists(db: TestDb) {
        let served = with_appointment(&db).await;
        for id in ["pending", "cancelled"] {
            put_appointment(&served, id, &id.to_uppercase()).await;
        }
        let of = |id: &str| json!({"appointmentId": id});
        let cases = [
            (DOCTOR, json!({}), 400, "malformed"),
            (DOCTOR, json!("{"), 400, "malformed"),
            (DOCTOR, json!({"appointmentId": {}}), 422, "invalid"),
            (DOCTOR, of("pending"), 400, "not-due"),
            (DOCTOR, of("cancelled"), 400, "not-due"),
            (DOCTOR, of("nothing"), 404, "unknown-appointment"),
            (STRANGER, of(ID), 403, "forbidden"),
            (By::Nobody, of(ID), 401, "unauthorized"),
        ];
        for (by, body, status, kind) in cases {
            let answer = served.refused(by, "POST", INITIATE, body.clone()).await;
            assert_eq!(answer, (status, kind.to_owned()), "{by:?} {body}");
        }
        let (_, body) = served.ask(DOCTOR, "POST", INITIATE, json!({})).await;
        insta::assert_json_snapshot!("refusal", body);
    }

    async fn initiate_holds_the_call_elsewhere_when_somebody_sits_in_its_room(db: TestDb) {
        let served = with_appointment(&db).await;
        let mut squatter = served.enter("stranger").await;
        squatter.join(&format!("appointment_{ID}")).await;
        let answer = initiate(&served, DOCTOR).await;
        let room = answer["videoCall"]["roomName"].as_str().unwrap();
        assert!(room.starts_with("appointment_") && !room.ends_with(ID), "{room}");
    }

    async fn token_is_fresh_for_a_call_that_was_initiated(db: TestDb) {
        let served = with_appointment(&db).await;
        let path = format!("{LIST}/token/{ID}");
        let answer = served.refused(PATIENT, "GET", &path, Value::Null).await;
        assert_eq!(answer, (404, "unknown-call".to_owned()), "not initiated");
        let first = initiate(&served, DOCTOR).await;
        served.world.clock.advance(Duration::from_secs(60));
        let answer = served.get_done(PATIENT, "GET", &path, Value::Null).await;
        insta::assert_json_snapshot!("token", redacted(&answer));
        let end = |answer: &Value| claims(&answer["jitsiToken"])["exp"].as_i64().unwrap();
        assert_eq!(end(&answer), end(&first) + 60);
        for (by, status) in [(STRANGER, 403), (By::Backend, 403), (By::Nobody, 401)] {
            assert_eq!(served.refused(by, "GET", &path, Value::Null).await.0, status, "{by:?}");
        }
    }

    async fn status_join_of_both_starts_the_call(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        let answer = act(&served, DOCTOR, "join").await;
        assert_eq!(answer["videoCall"]["status"], "SCHEDULED");
        served.world.clock.advance(Duration::from_secs(60));
        let answer = act(&served, PATIENT, "join").await;
        insta::assert_json_snapshot!("status_join", redacted(&answer));
        assert_eq!(statuses(&served).await, pair("IN_PROGRESS", "IN_PROGRESS"));
        // Said again, as a page that was reloaded does.
        assert_eq!(act(&served, PATIENT, "join").await, answer);
    }

    async fn status_start_starts_it_by_word(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        let answer = act(&served, DOCTOR, "start").await;
        assert_eq!(answer["videoCall"]["status"], "IN_PROGRESS");
        assert_eq!(answer["videoCall"]["startedAt"], "2023-11-14T22:13:20.000Z");
    }

    async fn status_end_completes_call_and_appointment(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        act(&served, DOCTOR, "join").await;
        act(&served, PATIENT, "join").await;
        served.world.clock.advance(Duration::from_secs(600));
        let answer = act(&served, PATIENT, "end").await;
        insta::assert_json_snapshot!("status_end", redacted(&answer));
        assert_eq!(act(&served, DOCTOR, "end").await, answer, "said twice");
        assert_eq!(statuses(&served).await, pair("COMPLETED", "COMPLETED"));
        let body = json!({"appointmentId": ID});
        let again = served.refused(DOCTOR, "POST", INITIATE, body).await;
        assert_eq!(again, (400, "not-due".to_owned()));
        let path = format!("{LIST}/token/{ID}");
        assert_eq!(served.refused(DOCTOR, "GET", &path, Value::Null).await.0, 400);
        let path = format!("{LIST}/{ID}/status");
        let join = json!({"action": "join"});
        assert_eq!(served.refused(DOCTOR, "PATCH", &path, join).await.0, 400);
    }

    async fn status_cancel_and_failed(db: TestDb) {
        for (action, want) in [("cancel", "CANCELLED"), ("failed", "FAILED")] {
            let served = with_appointment(&db).await;
            initiate(&served, DOCTOR).await;
            act(&served, DOCTOR, "join").await;
            let answer = act(&served, DOCTOR, action).await;
            assert_eq!(answer["videoCall"]["status"], want);
            assert_eq!(appointment_status(&served).await, "CONFIRMED");
            served.shut_down().await;
            db.execute("delete from calls").await;
        }
    }

    async fn status_refuses_what_is_no_action_and_whoever_is_no_party(db: TestDb) {
        let served = with_appointment(&db).await;
        let path = format!("{LIST}/{ID}/status");
        let join = json!({"action": "join"});
        let not_initiated = served.refused(DOCTOR, "PATCH", &path, join.clone()).await;
        assert_eq!(not_initiated, (404, "unknown-call".to_owned()));
        initiate(&served, DOCTOR).await;
        let cases = [
            (DOCTOR, json!({"action": "dance"}), 400),
            (DOCTOR, json!({}), 400),
            (DOCTOR, json!({"action": 7}), 422),
            (STRANGER, join.clone(), 403),
            (By::Nobody, join, 401),
        ];
        for (by, body, status) in cases {
            let answer = served.refused(by, "PATCH", &path, body.clone()).await;
            assert_eq!(answer.0, status, "{by:?} {body}");
        }
    }

    async fn no_show_when_the_time_is_over_and_somebody_never_came(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        act(&served, DOCTOR, "join").await;
        // At 22:30.
        served.world.clock.advance(Duration::from_secs(1000));
        eventually("the time is over", async || {
            (statuses(&served).await.0 == "NO_SHOW").then_some(())
        }).await;
        assert_eq!(appointment_status(&served).await, "CONFIRMED");
    }

    async fn details_with_appointment_and_both_people(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        act(&served, DOCTOR, "join").await;
        act(&served, PATIENT, "join").await;
        insta::assert_json_snapshot!("details", redacted(&details(&served).await));
        let path = format!("{LIST}/{ID}");
        assert_eq!(served.refused(STRANGER, "GET", &path, Value::Null).await.0, 403);
        let unknown = served.refused(DOCTOR, "GET", "/api/video-calls/nothing", Value::Null).await;
        assert_eq!(unknown, (404, "unknown-appointment".to_owned()));
    }

    async fn list_by_status(db: TestDb) {
        let served = with_appointment(&db).await;
        initiate(&served, DOCTOR).await;
        act(&served, DOCTOR, "join").await;
        act(&served, PATIENT, "join").await;
        served.world.clock.advance(Duration::from_secs(600));
        act(&served, DOCTOR, "end").await;
        put_appointment(&served, "second", "CONFIRMED").await;
        let body = json!({"appointmentId": "second"});
        served.get_done(PATIENT, "POST", INITIATE, body).await;

        let count = async |by: By<'_>, query: &str| {
            let path = format!("{LIST}{query}");
            let list = served.get_done(by, "GET", &path, Value::Null).await;
            list["count"].as_u64().unwrap()
        };
        for (query, want) in [
            ("", 2),
            ("?status=", 2),
            ("?status=&limit=1", 1),
            ("?status=COMPLETED", 1),
            ("?status=SCHEDULED", 1),
            ("?status=IN_PROGRESS", 0),
            ("?status=CANCELLED", 0),
            ("?status=FAILED", 0),
            ("?status=NO_SHOW", 0),
            ("?limit=1", 1),
            ("?limit=1&offset=2", 0),
        ] {
            assert_eq!(count(PATIENT, query).await, want, "{query}");
        }
        assert_eq!(count(STRANGER, "").await, 0);
        let list = served.get_done(DOCTOR, "GET", "/api/video-calls?status=COMPLETED", Value::Null);
        insta::assert_json_snapshot!("list", redacted(&list.await));
        for query in ["?status=DONE", "?limit=0", "?limit=x"] {
            let path = format!("{LIST}{query}");
            assert_eq!(served.refused(DOCTOR, "GET", &path, Value::Null).await.0, 400, "{query}");
        }
    }

    async fn a_room_of_ours_has_the_same_shape_and_its_link_enters(db: TestDb) {
        let served = with_appointment(&db).await;
        let body = json!({"appointmentId": ID, "backend": "sfu"});
        let answer = served.get_done(DOCTOR, "POST", INITIATE, body).await;
        insta::assert_json_snapshot!("initiate_sfu", redacted(&answer));
        let room = answer["videoCall"]["roomName"].as_str().unwrap().to_owned();
        // What the second asks for does not part them.
        let second = initiate(&served, PATIENT).await;
        for answer in [&answer, &second] {
            let link = answer["meetingLink"].as_str().unwrap();
            let token = link.split_once("?jwt=").unwrap().1;
            assert_eq!(answer["jitsiToken"], token);
            let mut page = served.connect().await;
            page.send(json!({"type": "hello", "protocol": 1, "token": token})).await;
            page.expect("welcome").await;
            page.join(&room).await;
            std::mem::forget(page);
        }
        assert_eq!(statuses(&served).await, pair("IN_PROGRESS", "IN_PROGRESS"));
    }
}
