//! `/api/v1/directory`, as a host application's backend keeps it.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::common::{Engine, TestDb};
use crate::on_both_databases;
use crate::served::{API_KEY, Served, json_of};

const USER: &str = "/api/v1/directory/users/42";
const CHAT: &str = "/api/v1/directory/chat-rooms/room-7";
const APPOINTMENT: &str = "/api/v1/directory/appointments/clxxx123456789";

fn anna() -> Value {
    json!({
        "name": "Anna",
        "username": "anna",
        "email": "anna@example.org",
        "avatarUrl": "https://example.org/anna.png",
        "role": "doctor",
    })
}

fn appointment() -> Value {
    json!({
        "doctorId": "doctor123",
        "patientId": 456,
        "appointmentDate": "2025-10-18",
        "startTime": "10:00",
        "endTime": "10:30",
        "status": "CONFIRMED",
    })
}

async fn name_of(served: &Served, user: &str) -> Value {
    let path = format!("/api/v1/directory/users/{user}");
    let (_, user) = served.backend("GET", &path, Value::Null).await;
    user["name"].clone()
}

on_both_databases! {
    /// PUT, GET and DELETE /api/v1/directory/users/{id}.
    async fn users_are_put_shown_replaced_and_deleted(db: TestDb) {
        let served = Served::start(&db).await;
        let (status, _) = served.backend("GET", USER, Value::Null).await;
        assert_eq!(status, 404);
        let put = served.backend("PUT", USER, anna()).await;
        assert_eq!(put.0, 200);
        insta::allow_duplicates! { insta::assert_json_snapshot!("user", put.1); }
        assert_eq!(served.backend("PUT", USER, anna()).await, put);
        assert_eq!(served.backend("GET", USER, Value::Null).await, put);

        // What is left out is gone.
        served.backend("PUT", USER, json!({"name": " Anne "})).await;
        let (_, replaced) = served.backend("GET", USER, Value::Null).await;
        assert_eq!(replaced, json!({"id": "42", "name": "Anne"}));

        assert_eq!(served.backend("DELETE", USER, Value::Null).await.0, 204);
        assert_eq!(served.backend("DELETE", USER, Value::Null).await.0, 404);
        assert_eq!(served.backend("GET", USER, Value::Null).await.0, 404);
        assert_eq!(served.backend("PUT", USER, anna()).await, put);
        assert_eq!(served.backend("GET", USER, Value::Null).await, put);
    }

    /// PUT, GET and DELETE /api/v1/directory/chat-rooms/{id}.
    async fn chat_rooms_are_put_shown_replaced_and_deleted(db: TestDb) {
        let served = Served::start(&db).await;
        served.backend("PUT", USER, anna()).await;
        let room = json!({"name": "Ward 7", "memberIds": ["42", 43, "new", 42]});
        let put = served.backend("PUT", CHAT, room.clone()).await;
        assert_eq!(put.0, 200);
        insta::allow_duplicates! { insta::assert_json_snapshot!("chat_room", put.1); }
        assert_eq!(served.backend("PUT", CHAT, room.clone()).await, put);
        assert_eq!(served.backend("GET", CHAT, Value::Null).await, put);
        // Members whom nobody described are named by their ids, others keep theirs.
        assert_eq!(name_of(&served, "42").await, "Anna");
        assert_eq!(name_of(&served, "new").await, "new");

        let fewer = json!({"memberIds": [43, 44]});
        served.backend("PUT", CHAT, fewer).await;
        let (_, replaced) = served.backend("GET", CHAT, Value::Null).await;
        assert_eq!(replaced, json!({"id": "room-7", "memberIds": ["43", "44"]}));
        served.backend("DELETE", "/api/v1/directory/users/43", Value::Null).await;
        let (_, without) = served.backend("GET", CHAT, Value::Null).await;
        assert_eq!(without["memberIds"], json!(["44"]));
        // Naming somebody who was deleted makes a new user of that id.
        served.backend("PUT", CHAT, json!({"memberIds": [43]})).await;
        assert_eq!(name_of(&served, "43").await, "43");

        assert_eq!(served.backend("DELETE", CHAT, Value::Null).await.0, 204);
        assert_eq!(served.backend("DELETE", CHAT, Value::Null).await.0, 404);
        assert_eq!(served.backend("GET", CHAT, Value::Null).await.0, 404);
        assert_eq!(served.backend("PUT", CHAT, room).await, put);
    }

    /// PUT, GET and DELETE /api/v1/directory/appointments/{id}.
    async fn appointments_are_put_shown_replaced_and_deleted(db: TestDb) {
        let served = Served::start(&db).await;
        let put = served.backend("PUT", APPOINTMENT, appointment()).await;
        assert_eq!(put.0, 200);
        insta::allow_duplicates! { insta::assert_json_snapshot!("appointment", put.1); }
        assert_eq!(served.backend("PUT", APPOINTMENT, appointment()).await, put);
        assert_eq!(served.backend("GET", APPOINTMENT, Value::Null).await, put);
        assert_eq!(name_of(&served, "doctor123").await, "doctor123");

        let mut moved = appointment();
        moved["startTime"] = "2025-10-19T12:00:00+02:00".into();
        moved["status"] = "IN_PROGRESS".into();
        served.backend("PUT", APPOINTMENT, moved).await;
        let (_, replaced) = served.backend("GET", APPOINTMENT, Value::Null).await;
        assert_eq!(replaced["startsAt"], "2025-10-19T10:00:00.000Z");
        assert_eq!(replaced["endsAt"], "2025-10-20T08:30:00.000Z");
        assert_eq!(replaced["status"], "IN_PROGRESS");

        assert_eq!(served.backend("DELETE", APPOINTMENT, Value::Null).await.0, 204);
        assert_eq!(served.backend("DELETE", APPOINTMENT, Value::Null).await.0, 404);
        assert_eq!(served.backend("GET", APPOINTMENT, Value::Null).await.0, 404);
    }

    async fn a_user_of_a_valid_token_is_one_of_the_directory(db: TestDb) {
        let served = Served::start(&db).await;
        let token = served.token("42", None, false);
        let ask = async || served.get("/api/v1/notifications", Some(&token)).await.0;
        assert_eq!(ask().await, 200);
        assert_eq!(name_of(&served, "42").await, "User 42");

        // The directory describes the user more fully, the token has the last word on
        // what it says.
        served.backend("PUT", USER, anna()).await;
        assert_eq!(name_of(&served, "42").await, "Anna");
        assert_eq!(ask().await, 200);
        let (_, user) = served.backend("GET", USER, Value::Null).await;
        assert_eq!(user["name"], "User 42");
        assert_eq!(user["role"], "doctor");

        served.backend("DELETE", USER, Value::Null).await;
        assert_eq!(ask().await, 200);
        assert_eq!(name_of(&served, "42").await, "User 42");

        let forged = served.get("/api/v1/notifications", Some("e30.e30.e30")).await;
        assert_eq!(forged.0, 401);
    }

    async fn only_the_backend_keeps_the_directory(db: TestDb) {
        let served = Served::start(&db).await;
        served.backend("PUT", USER, anna()).await;
        served.backend("PUT", CHAT, json!({"memberIds": [42]})).await;
        served.backend("PUT", APPOINTMENT, appointment()).await;
        let bodies = [(USER, anna()), (CHAT, json!({"memberIds": []})), (APPOINTMENT, appointment())];
        for (path, body) in bodies {
            for method in ["PUT", "GET", "DELETE"] {
                for (proof, want) in [
                    (None, 401),
                    (Some(("x-api-key", "another-key".to_owned())), 401),
                    (Some(("authorization", format!("Bearer {}", served.token("42", None, true)))), 403),
                ] {
                    let mut request = Request::builder()
                        .method(method)
                        .uri(path)
                        .header("content-type", "application/json");
                    if let Some((name, value)) = proof {
                        request = request.header(name, value);
                    }
                    let request = request.body(Body::from(body.to_string())).unwrap();
                    let response = served.request(request).await;
                    assert_eq!(response.status(), want, "{method} {path}");
                }
            }
        }
        assert_eq!(served.backend("GET", USER, Value::Null).await.0, 200);
        assert_eq!(served.backend("GET", CHAT, Value::Null).await.1["memberIds"], json!(["42"]));
    }

    async fn limits_of_what_is_put(db: TestDb) {
        let served = Served::start(&db).await;
        let with = |mut body: Value, field: &str, value: Value| {
            body[field] = value;
            body
        };
        let chat = |count: usize, chars: usize| {
            let ids: Vec<String> = (0..count).map(|n| format!("{n:0>chars$}")).collect();
            json!({"memberIds": ids})
        };
        let day = |field: &str, value: &str| with(appointment(), field, value.into());
        let cases = [
            (USER, with(anna(), "name", "x".repeat(64).into()), 200),
            (USER, with(anna(), "name", "x".repeat(65).into()), 422),
            (USER, with(anna(), "name", " ".into()), 422),
            (USER, with(anna(), "name", "a\0b".into()), 422),
            (USER, with(anna(), "name", "a\u{202e}b".into()), 422),
            (USER, with(anna(), "name", 7.into()), 422),
            (USER, json!({"email": "anna@example.org"}), 422),
            (USER, json!([]), 422),
            (USER, with(anna(), "email", "x".repeat(513).into()), 422),
            (USER, with(anna(), "email", "".into()), 200),
            (USER, with(anna(), "avatarUrl", "javascript:alert(1)".into()), 422),
            (USER, with(anna(), "role", "a\0".into()), 422),
            (CHAT, chat(1000, 128), 200),
            (CHAT, chat(1001, 4), 422),
            (CHAT, chat(1, 129), 422),
            (CHAT, json!({"memberIds": ["a\0"]}), 422),
            (CHAT, json!({"memberIds": [1.5]}), 422),
            (CHAT, json!({"memberIds": "42"}), 422),
            (CHAT, json!({"name": "x".repeat(700_000), "memberIds": []}), 413),
            (APPOINTMENT, day("status", &"x".repeat(33)), 422),
            (APPOINTMENT, day("status", ""), 422),
            (APPOINTMENT, day("appointmentDate", "2025-02-30"), 422),
            (APPOINTMENT, day("startTime", "25:00"), 422),
            (APPOINTMENT, day("startTime", &"1".repeat(100_000)), 413),
            (APPOINTMENT, day("endTime", "\0"), 422),
            (APPOINTMENT, day("patientId", "doctor123"), 422),
        ];
        for (path, body, want) in cases {
            let (status, problem) = served.backend("PUT", path, body.clone()).await;
            let body = body.to_string().chars().take(120).collect::<String>();
            assert_eq!(status, want, "{path} {body} {problem}");
        }
        let long = format!("/api/v1/directory/users/{}", "x".repeat(129));
        assert_eq!(served.backend("GET", &long, Value::Null).await.0, 400);
        assert_eq!(served.backend("GET", "/api/v1/directory/users/%00", Value::Null).await.0, 400);
        let odd = "/api/v1/directory/users/a%2Fb%20%E4%BC%9A";
        assert_eq!(served.backend("PUT", odd, anna()).await.1["id"], "a/b 会");
        assert_eq!(served.backend("GET", odd, Value::Null).await.0, 200);
    }

    /// GET /api/v1/directory/chat-rooms/{id}/messages.
    async fn messages_of_a_chat_room_are_for_its_members(db: TestDb) {
        let served = Served::start(&db).await;
        let messages = format!("{CHAT}/messages");
        served.backend("PUT", CHAT, json!({"memberIds": [42]})).await;
        assert_eq!(served.backend("GET", &messages, Value::Null).await, (200, json!({"messages": []})));
        for (token, want) in [
            (served.token("42", None, false), 200),
            (served.token("43", None, true), 404),
            // A proof that is good for one room shows nothing else.
            (served.token("42", Some("r"), false), 404),
        ] {
            assert_eq!(served.get(&messages, Some(&token)).await.0, want);
        }
        let unknown = "/api/v1/directory/chat-rooms/none/messages";
        assert_eq!(served.backend("GET", unknown, Value::Null).await.0, 404);
        for query in ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=100001"] {
            let path = format!("{messages}?{query}");
            assert_eq!(served.backend("GET", &path, Value::Null).await.0, 400, "{query}");
        }
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_problems() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = Served::start(&db).await;
    let mut problems = Vec::new();
    for (kind, body) in [
        ("application/json", "{"),
        ("application/json", "\u{feff}"),
        ("application/json", ""),
        ("application/json", r#"{"name": null}"#),
        ("application/json", r#"{"name": "\ud800"}"#),
        ("text/plain", r#"{"name": "Anna"}"#),
    ] {
        let request = Request::put(USER)
            .header("x-api-key", API_KEY)
            .header("content-type", kind)
            .body(Body::from(body));
        let (_, problem) = json_of(served.request(request.unwrap()).await).await;
        problems.push(problem);
    }
    insta::assert_json_snapshot!("body_problems", problems);
}
