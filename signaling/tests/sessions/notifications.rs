//! `/api/v1/notifications`: what waits for users who were offline.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use convoke_signaling::domain::call::{Backend, CallKind, CallMode, Nature, Origin};
use convoke_signaling::domain::lifecycle::HangUp;
use convoke_signaling::domain::participant::Role;
use convoke_signaling::domain::principal::Principal;
use convoke_signaling::domain::time::UnixMillis;
use convoke_signaling::ids::UserId;
use convoke_signaling::service::{CallRef, NewCall};
use serde_json::{Value, json};

use crate::common::{START, principal, room_name};
use crate::on_both_databases;
use crate::served::{Served, json_of};

const NOTIFICATIONS: &str = "/api/v1/notifications";

/// Ann, user 1, invites users 2 and 3 to a meeting.
async fn a_meeting(served: &Served, room: &str, scheduled: Option<UnixMillis>) -> i64 {
    let nature = Nature {
        kind: CallKind::Video,
        mode: CallMode::Group,
        backend: Backend::Sfu,
        origin: Origin::Meeting,
    };
    let member = |id: &str| (UserId::try_from(id).unwrap(), Role::Participant);
    let new = NewCall {
        title: Some("Review".to_owned()),
        members: vec![member("2"), member("3")],
        ring: scheduled.is_none(),
        scheduled,
        ..NewCall::new(room_name(room), nature)
    };
    let planned = served.world.service.plan(&ann(), new).await.unwrap();
    planned.record.call.number
}

fn ann() -> Principal {
    principal("1")
}

async fn list(served: &Served, user: &str, query: &str) -> Value {
    let token = served.token(user, None, false);
    let (status, list) = served
        .get(&format!("{NOTIFICATIONS}{query}"), Some(&token))
        .await;
    assert_eq!(status, 200, "{list}");
    list
}

async fn post(served: &Served, user: &str, method: &str, path: &str) -> (u16, Value) {
    let token = served.token(user, None, false);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty());
    json_of(served.request(request.unwrap()).await).await
}

on_both_databases! {
    /// GET /api/v1/notifications.
    async fn an_invitation_and_its_cancellation_wait_for_the_invited(db: TestDb) {
        let served = Served::start(&db).await;
        let at = START + Duration::from_secs(3600);
        let call = a_meeting(&served, "review", Some(at)).await;
        served.world.clock.advance(Duration::from_secs(60));
        let (host, call) = (ann(), CallRef::Number(call));
        served.world.service.hang_up(&host, call, HangUp::Cancel).await.unwrap();
        let told = list(&served, "2", "").await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!("notifications", told, {
                ".notifications[].call.id" => "[call]",
            });
        }
        assert_eq!(list(&served, "3", "").await["unreadCount"], 2);
        // Who did it knows.
        assert_eq!(list(&served, "1", "").await["notifications"], json!([]));
    }

    async fn notifications_come_in_pages_latest_first(db: TestDb) {
        let served = Served::start(&db).await;
        for n in 0..5 {
            a_meeting(&served, &format!("r{n}"), None).await;
        }
        let rooms = async |query: &str| {
            let list = list(&served, "2", query).await;
            let all = list["notifications"].as_array().unwrap().clone();
            all.iter().map(|n| n["call"]["room"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rooms("").await, ["r4", "r3", "r2", "r1", "r0"]);
        assert_eq!(rooms("?limit=2").await, ["r4", "r3"]);
        assert_eq!(rooms("?limit=2&offset=3&unread=false").await, ["r1", "r0"]);
        let token = served.token("2", None, false);
        for query in ["limit=0", "limit=101", "limit=-1", "offset=100001", "unread=maybe"] {
            let path = format!("{NOTIFICATIONS}?{query}");
            assert_eq!(served.get(&path, Some(&token)).await.0, 400, "{query}");
        }
    }

    /// POST and PATCH /api/v1/notifications/{id}/read, and of all.
    async fn reading_is_once_and_one_s_own(db: TestDb) {
        let served = Served::start(&db).await;
        for n in 0..3 {
            a_meeting(&served, &format!("r{n}"), None).await;
        }
        let all = list(&served, "2", "").await;
        let id = |n: usize| all["notifications"][n]["id"].as_i64().unwrap();
        let path = |n: usize| format!("{NOTIFICATIONS}/{}/read", id(n));
        let (status, read) = post(&served, "2", "PATCH", &path(0)).await;
        assert_eq!((status, &read["id"]), (200, &json!(id(0))));
        served.world.clock.advance(Duration::from_secs(60));
        assert_eq!(post(&served, "2", "POST", &path(0)).await, (200, read));

        // Another's is as unknown as one that nobody has.
        let (_, unknown) = post(&served, "3", "POST", &format!("{NOTIFICATIONS}/999999/read")).await;
        assert_eq!(unknown["status"], 404);
        assert_eq!(post(&served, "3", "POST", &path(1)).await, (404, unknown.clone()));
        assert_eq!(post(&served, "3", "POST", "/api/v1/notifications/x/read").await.1, unknown);

        let unread = list(&served, "2", "?unread=true").await;
        assert_eq!(unread["unreadCount"], 2);
        assert_eq!(unread["notifications"].as_array().unwrap().len(), 2);
        let all_read = format!("{NOTIFICATIONS}/read");
        assert_eq!(post(&served, "2", "PATCH", &all_read).await, (200, json!({"read": 2})));
        assert_eq!(post(&served, "2", "POST", &all_read).await, (200, json!({"read": 0})));
        assert_eq!(list(&served, "2", "").await["unreadCount"], 0);
        assert_eq!(list(&served, "3", "").await["unreadCount"], 3);
    }

    async fn notifications_are_for_users_in_person(db: TestDb) {
        let served = Served::start(&db).await;
        a_meeting(&served, "r", None).await;
        let all_read = format!("{NOTIFICATIONS}/read");
        let one = format!("{NOTIFICATIONS}/1/read");
        for (method, path) in [("GET", NOTIFICATIONS), ("POST", &all_read), ("PATCH", &one)] {
            assert_eq!(served.backend(method, path, Value::Null).await.0, 403, "{path}");
        }
        // A proof that is good for one room.
        let invite = served.token("2", Some("r"), false);
        assert_eq!(served.get(NOTIFICATIONS, Some(&invite)).await.0, 403);
        assert_eq!(served.get(NOTIFICATIONS, None).await.0, 401);
    }

    async fn what_a_deleted_user_was_in_stays_without_their_name(db: TestDb) {
        let served = Served::start(&db).await;
        let call = a_meeting(&served, "r", None).await;
        list(&served, "1", "").await;
        for user in ["1", "3"] {
            let path = format!("/api/v1/directory/users/{user}");
            assert_eq!(served.backend("DELETE", &path, Value::Null).await.0, 204);
        }
        let told = list(&served, "2", "").await;
        assert_eq!(told["notifications"][0]["call"]["hostName"], "Deleted user");
        let record = served.world.service.call(&principal("2"), &CallRef::Number(call)).await;
        let mut names: Vec<_> = record.unwrap().people().into_iter().map(|p| p.name).collect();
        names.sort();
        assert_eq!(names, ["2", "Deleted user", "Deleted user"]);
        // What waited for a deleted user is gone, even if the host lets them in again.
        assert_eq!(list(&served, "3", "").await["unreadCount"], 0);
    }
}
