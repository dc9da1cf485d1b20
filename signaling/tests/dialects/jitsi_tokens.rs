//! `/api/jitsi`.

use std::time::Duration;

use convoke_signaling::domain::call::{Admission, Backend, CallKind, CallMode, Nature, Origin};
use convoke_signaling::domain::lifecycle::HangUp;
use convoke_signaling::domain::participant::Role;
use convoke_signaling::error::CallError;
use convoke_signaling::ids::UserId;
use convoke_signaling::service::{CallRef, NewCall};
use serde_json::{Value, json};

use crate::asking::{By, claims, with_jitsi, without_tokens};
use crate::common::{principal, room_name};
use crate::on_both_databases;
use crate::served::{Served, Setup};

const GENERATE: &str = "/api/jitsi/generate-token";
const VALIDATE: &str = "/api/jitsi/validate-token";
const ROOMS: &str = "/api/jitsi/rooms";
const ROOM: &str = "ataraxia-123-1699999999";

/// As the document's request, for this user.
fn wish(room: &str, user: &str, moderator: bool) -> Value {
    json!({
        "roomName": room,
        "userName": "Dr. Sarah Johnson",
        "userEmail": "sarah@example.com",
        "userId": user,
        "isModerator": moderator,
        "backend": "jitsi",
    })
}

/// The same for a room of ours.
fn ours(room: &str, user: &str, moderator: bool) -> Value {
    let mut body = wish(room, user, moderator);
    body["backend"] = json!("sfu");
    body
}

/// A room of ours for a therapist, who leads it, and a client.
fn of_two(room: &str) -> Value {
    json!({"roomName": room, "therapistId": "therapist", "clientId": "client", "backend": "sfu"})
}

async fn generate(served: &Served, by: By<'_>, body: Value) -> Value {
    served.get_done(by, "POST", GENERATE, body).await
}

async fn refused(served: &Served, by: By<'_>, body: Value) -> (u16, String) {
    served.refused(by, "POST", GENERATE, body).await
}

fn no(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

on_both_databases! {
    async fn generate_token_as_the_document_shows_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let answer = generate(&served, By::Backend, wish(ROOM, "therapist-123", true)).await;
        insta::assert_json_snapshot!("generate_token", without_tokens(&answer));
        insta::assert_json_snapshot!("generate_token_claims", claims(&answer["token"]));
    }

    async fn generate_token_for_oneself_has_the_name_of_the_proof(db: TestDb) {
        let served = with_jitsi(&db).await;
        let answer = generate(&served, By::User("7"), wish(ROOM, "7", false)).await;
        let user = &claims(&answer["token"])["context"]["user"];
        assert_eq!(user["name"], "User 7");
        assert_eq!(user["moderator"], json!(false));
        // Nobody else said it.
        assert_eq!(user["email"], "sarah@example.com");
        let without_id = json!({"roomName": ROOM, "backend": "jitsi"});
        let answer = generate(&served, By::User("7"), without_id).await;
        assert_eq!(claims(&answer["token"])["context"]["user"]["id"], "7");
    }

    async fn generate_token_makes_who_moderates_a_new_room_its_moderator(db: TestDb) {
        let served = with_jitsi(&db).await;
        // Who comes early without leading takes nothing from who leads.
        generate(&served, By::User("client"), wish(ROOM, "client", false)).await;
        generate(&served, By::User("lead"), wish(ROOM, "lead", true)).await;
        generate(&served, By::User("lead"), wish(ROOM, "lead", true)).await;
        generate(&served, By::User("client"), wish(ROOM, "client", false)).await;
        let forbidden = no(403, "forbidden");
        for (by, body) in [
            ("client", wish(ROOM, "client", true)),
            ("client", wish(ROOM, "lead", false)),
            ("client", wish(&ROOM.to_uppercase(), "client", true)),
            ("other", wish(ROOM, "other", true)),
            ("other", wish("another-room", "client", false)),
            ("other", wish("another-room", "client", true)),
        ] {
            assert_eq!(refused(&served, By::User(by), body.clone()).await, forbidden, "{by} {body}");
        }
        // Its moderator and the backend give them to others.
        let given = generate(&served, By::User("lead"), wish(ROOM, "client", true)).await;
        assert_eq!(claims(&given["token"])["context"]["user"]["id"], "client");
        assert_eq!(claims(&given["token"])["moderator"], json!(true));
        generate(&served, By::Backend, wish(ROOM, "anybody", true)).await;
    }

    async fn generate_token_for_a_room_of_a_call_is_for_its_people(db: TestDb) {
        let served = with_jitsi(&db).await;
        let nature = Nature {
            kind: CallKind::Video,
            mode: CallMode::Group,
            backend: Backend::Jitsi,
            origin: Origin::Meeting,
        };
        let guest = UserId::try_from("guest").unwrap();
        let new = NewCall {
            members: vec![(guest, Role::Participant)],
            ring: false,
            ..NewCall::new(room_name("Interview_42-x7"), nature)
        };
        served.world.service.plan(&principal("host"), new).await.unwrap();
        for name in ["Interview_42-x7", "interview_42-x7", "INTERVIEW_42-X7"] {
            let forbidden = no(403, "forbidden");
            for moderator in [true, false] {
                let body = wish(name, "stranger", moderator);
                assert_eq!(refused(&served, By::User("stranger"), body).await, forbidden);
            }
            let body = wish(name, "guest", true);
            assert_eq!(refused(&served, By::User("guest"), body).await, forbidden);
            let body = wish(name, "stranger", false);
            assert_eq!(refused(&served, By::Backend, body).await, forbidden);
            generate(&served, By::User("guest"), wish(name, "guest", false)).await;
            generate(&served, By::User("host"), wish(name, "host", true)).await;
        }
    }

    async fn generate_token_finds_a_jitsi_s_call_behind_what_is_over_in_another_spelling(db: TestDb) {
        let served = with_jitsi(&db).await;
        let world = &served.world;
        let nature = Nature { backend: Backend::Jitsi, ..Nature::AD_HOC };
        let interview = NewCall { ring: false, ..NewCall::new(room_name("Interview_3b0f"), nature) };
        world.service.plan(&principal("host"), interview.clone()).await.unwrap();
        // A call of ours, and one of a Jitsi: open, over, and both later.
        let mallory = world.join("mallory", "interview_3b0f").await;
        world.service.leave(mallory.participant).await.unwrap();
        let open = NewCall {
            room: room_name("INTERVIEW_3b0f"),
            admission: Admission::Open,
            ..interview
        };
        let open = world.service.plan(&principal("mallory"), open).await.unwrap();
        let open = CallRef::Id(open.record.call.id);
        world.service.hang_up(&principal("mallory"), open, HangUp::Over).await.unwrap();
        for name in ["Interview_3b0f", "interview_3b0f", "INTERVIEW_3b0f", "iNTERVIEW_3B0F"] {
            for (user, moderator) in [("mallory", true), ("mallory", false), ("stranger", true)] {
                let answer = refused(&served, By::User(user), wish(name, user, moderator)).await;
                assert_eq!(answer, no(403, "forbidden"), "{name} {user}");
            }
            generate(&served, By::User("host"), wish(name, "host", true)).await;
        }
    }

    async fn generate_token_for_a_room_of_an_appointment_is_for_its_two(db: TestDb) {
        let served = with_jitsi(&db).await;
        let appointment = json!({
            "doctorId": "doctor", "patientId": "patient", "appointmentDate": "2023-11-14",
            "startTime": "22:00", "endTime": "22:30", "status": "CONFIRMED",
        });
        let path = "/api/v1/directory/appointments/a1";
        served.get_done(By::Backend, "PUT", path, appointment).await;
        for name in ["appointment_a1", "APPOINTMENT_A1", "ataraxia-a1-1699999999"] {
            let forbidden = no(403, "forbidden");
            let body = wish(name, "stranger", true);
            assert_eq!(refused(&served, By::User("stranger"), body).await, forbidden);
            let body = wish(name, "patient", true);
            assert_eq!(refused(&served, By::User("patient"), body).await, forbidden);
            generate(&served, By::User("patient"), wish(name, "patient", false)).await;
            let given = generate(&served, By::User("doctor"), wish(name, "doctor", true)).await;
            assert_eq!(claims(&given["token"])["room"], name.to_lowercase());
        }
    }

    async fn generate_token_for_a_room_of_an_appointment_to_come_is_the_backend_s_to_give(db: TestDb) {
        let served = with_jitsi(&db).await;
        let put = async |id: &str| {
            let appointment = json!({
                "doctorId": "doctor", "patientId": "patient", "appointmentDate": "2023-11-14",
                "startTime": "22:00", "endTime": "22:30", "status": "CONFIRMED",
            });
            let path = format!("/api/v1/directory/appointments/{id}");
            served.get_done(By::Backend, "PUT", &path, appointment).await;
        };
        let mallory = By::User("mallory");
        let ask = async |name: &str| {
            for moderator in [true, false] {
                for body in [ours(name, "mallory", moderator), wish(name, "mallory", moderator)] {
                    assert_eq!(refused(&served, mallory, body).await, no(403, "forbidden"), "{name}");
                }
            }
            let answer = served.refused(mallory, "POST", ROOMS, of_two(name)).await;
            assert_eq!(answer, no(403, "forbidden"), "{name}");
        };
        ask("appointment_124").await;
        ask("APPOINTMENT_124").await;
        // Nor is it hers for sitting in it, before and after it is somebody's.
        let inside = served.world.join("mallory", "appointment_124").await;
        ask("appointment_124").await;
        put("124").await;
        ask("appointment_124").await;
        served.world.service.leave(inside.participant).await.unwrap();
        ask("appointment_124").await;
        generate(&served, By::User("patient"), ours("appointment_124", "patient", false)).await;
        // A host that keeps its appointments itself.
        served.get_done(By::Backend, "POST", ROOMS, of_two("appointment_125")).await;
        generate(&served, By::User("therapist"), ours("appointment_125", "therapist", true)).await;
    }

    async fn generate_token_never_for_every_room_nor_without_a_proof(db: TestDb) {
        let served = with_jitsi(&db).await;
        for name in ["*", "", ".*", "a/b", "a b"] {
            let answer = refused(&served, By::Backend, wish(name, "7", true)).await;
            assert_eq!(answer, no(400, "invalid-room"), "{name}");
        }
        let answer = refused(&served, By::User("7"), wish("会議室", "7", true)).await;
        assert_eq!(answer, no(400, "invalid-room"));
        let answer = refused(&served, By::Nobody, wish(ROOM, "7", false)).await;
        assert_eq!(answer, no(401, "unauthorized"));
        let answer = refused(&served, By::Backend, json!({"roomName": ROOM})).await;
        assert_eq!(answer, no(422, "invalid"));
        let elsewhere = served.token("7", Some("other"), true);
        let answer = refused(&served, By::Token(&elsewhere), wish(ROOM, "7", false)).await;
        assert_eq!(answer, no(403, "forbidden"));
    }

    async fn generate_token_answers_what_it_cannot_read(db: TestDb) {
        let served = with_jitsi(&db).await;
        let cases = [
            (json!("{"), 400, "malformed"),
            (json!({}), 422, "invalid"),
            (json!({"roomName": 7}), 422, "invalid"),
            (json!({"roomName": ROOM, "isModerator": "yes"}), 422, "invalid"),
            (json!({"roomName": ROOM, "userId": {}}), 422, "invalid"),
            (json!({"roomName": ROOM, "backend": "zoom"}), 422, "invalid"),
            (json!({"roomName": ROOM, "userId": "x".repeat(200)}), 422, "invalid"),
        ];
        for (body, status, kind) in cases {
            let answer = refused(&served, By::User("7"), body.clone()).await;
            assert_eq!(answer, no(status, kind), "{body}");
        }
    }

    async fn generate_token_says_when_there_is_nothing_to_sign_with(db: TestDb) {
        let served = Served::with(&db, Setup::default()).await;
        let (status, body) =
            served.ask(By::User("7"), "POST", GENERATE, wish(ROOM, "7", true)).await;
        assert_eq!(status, 500);
        insta::assert_json_snapshot!("no_secret", body);
    }

    async fn generate_token_for_a_room_of_ours_has_the_same_shape_and_enters_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut body = wish("Consultation-1", "7", true);
        body["backend"] = json!("sfu");
        let answer = generate(&served, By::User("7"), body).await;
        insta::assert_json_snapshot!("generate_token_sfu", without_tokens(&answer));
        let link = answer["joinUrl"].as_str().unwrap();
        let token = link.split_once("#jwt=").unwrap().1;
        assert_eq!(answer["token"], token);
        let mut page = served.connect().await;
        page.send(json!({"type": "hello", "protocol": 1, "token": token})).await;
        page.expect("welcome").await;
        let joined = page.join("Consultation-1").await;
        assert_eq!(joined["call"]["room"], "Consultation-1");
    }

    async fn validate_token_says_what_a_good_one_says(db: TestDb) {
        let served = with_jitsi(&db).await;
        for backend in ["jitsi", "sfu"] {
            let room = format!("room-of-{backend}");
            let mut body = wish(&room, "7", true);
            body["backend"] = json!(backend);
            let given = generate(&served, By::User("7"), body).await;
            let check = json!({"token": given["token"], "roomName": room});
            let answer = served.get_done(By::User("8"), "POST", VALIDATE, check).await;
            insta::assert_json_snapshot!(format!("validate_token_{backend}"), answer);
        }
    }

    async fn validate_token_says_why_one_is_not_good(db: TestDb) {
        let served = with_jitsi(&db).await;
        let given = generate(&served, By::User("7"), wish(ROOM, "7", true)).await;
        let validate = async |token: &str, room: &str| {
            let body = json!({"token": token, "roomName": room});
            let answer = served.get_done(By::User("7"), "POST", VALIDATE, body).await;
            assert_eq!(answer["valid"], json!(false));
            answer["error"].as_str().unwrap().to_owned()
        };
        let token = given["token"].as_str().unwrap();
        assert_eq!(validate(token, "other").await, "the token is for another room");
        let (head, _) = token.rsplit_once('.').unwrap();
        assert_eq!(validate(head, ROOM).await, "the token is not valid here");
        assert_eq!(validate("", ROOM).await, "the token is not valid here");
        let user = served.token("7", None, true);
        assert_eq!(validate(&user, ROOM).await, "the token is for no room");
        served.world.clock.advance(Duration::from_secs(7200));
        assert_eq!(validate(token, ROOM).await, "the token has expired");
        let nobody = json!({"token": token});
        let answer = served.refused(By::Nobody, "POST", VALIDATE, nobody).await;
        assert_eq!(answer, no(401, "unauthorized"));
    }

    async fn rooms_gives_each_user_a_token_and_the_room_to_who_makes_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({
            "roomName": "ataraxia-77-1700000000",
            "backend": "jitsi",
            "users": [
                {"userId": "therapist", "userName": "Dr. Sarah Johnson"},
                {"userId": 42, "userName": "Jane Smith", "userEmail": "jane@example.com"},
            ],
        });
        let answer = served.get_done(By::User("therapist"), "POST", ROOMS, body.clone()).await;
        insta::assert_json_snapshot!("rooms", without_tokens(&answer));
        let first = claims(&answer["tokens"][0]["token"]);
        assert_eq!(first["context"]["user"]["moderator"], json!(true));
        // It is the therapist's now.
        let again = served.refused(By::User("42"), "POST", ROOMS, body.clone()).await;
        assert_eq!(again, no(403, "forbidden"));
        served.get_done(By::User("therapist"), "POST", ROOMS, body).await;
        let room = "ataraxia-77-1700000000";
        generate(&served, By::User("therapist"), wish(room, "late", false)).await;
    }

    async fn create_room_with_therapist_and_client(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({
            "appointmentId": "appt-456", "therapistId": "therapist-123",
            "clientId": "client-789", "scheduledStartTime": "2024-11-14T10:00:00Z",
            "callType": "video", "backend": "jitsi",
        });
        let path = "/api/jitsi/create-room";
        let answer = served.get_done(By::Backend, "POST", path, body).await;
        insta::assert_json_snapshot!("create_room", without_tokens(&answer));
        assert_eq!(claims(&answer["therapistToken"])["moderator"], json!(true));
        assert_eq!(claims(&answer["clientToken"])["moderator"], json!(false));
    }

    async fn whoever_comes_first_to_a_room_of_the_backend_s_does_not_lead_it(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (world, room) = (&served.world, "consultation-1");
        served.get_done(By::Backend, "POST", ROOMS, of_two(room)).await;
        let client = world.join("client", room).await;
        let stranger = world.join("stranger", room).await;
        for (user, joined) in [("client", client), ("stranger", stranger)] {
            assert_eq!(joined.snapshot.you.role, Role::Participant, "{user}");
            let ended = world.service.end_call(joined.participant).await;
            assert_eq!(ended, Err(CallError::Forbidden), "{user}");
            let answer = refused(&served, By::User(user), ours(room, user, true)).await;
            assert_eq!(answer, no(403, "forbidden"), "{user}");
        }
        let therapist = world.join("therapist", room).await;
        assert_eq!(therapist.snapshot.you.role, Role::Host);
        let happened = served.happened(room).await;
        let initiated = happened.iter().filter(|(what, _)| what == "initiated");
        assert_eq!(initiated.count(), 1, "{happened:?}");
        world.service.end_call(therapist.participant).await.unwrap();
    }

    async fn a_room_is_not_free_because_the_client_came_early_and_went(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (world, room) = (&served.world, "consultation-2");
        served.get_done(By::User("therapist"), "POST", ROOMS, of_two(room)).await;
        let client = world.join("client", room).await;
        world.service.leave(client.participant).await.unwrap();
        let answer = refused(&served, By::User("client"), ours(room, "client", true)).await;
        assert_eq!(answer, no(403, "forbidden"));
        generate(&served, By::User("therapist"), ours(room, "therapist", true)).await;
        let therapist = world.join("therapist", room).await;
        assert_eq!(therapist.snapshot.call.id, client.snapshot.call.id);
        world.service.leave(therapist.participant).await.unwrap();
        // It has been led, and is over.
        generate(&served, By::User("client"), ours(room, "client", true)).await;
    }

    async fn rooms_for_the_moment_have_names_that_nobody_guesses(db: TestDb) {
        let served = with_jitsi(&db).await;
        let one = served.get_done(By::User("7"), "POST", ROOMS, json!({})).await;
        let other = served.get_done(By::User("7"), "POST", ROOMS, json!({})).await;
        assert_ne!(one["roomName"], other["roomName"]);
        assert_eq!(one["tokens"][0]["userId"], "7");
        assert_eq!(one["tokens"][0]["isModerator"], json!(true));
        // The server's default.
        let link = one["joinUrl"].as_str().unwrap();
        assert!(link.starts_with("https://calls.example.org/r/room-"), "{link}");
        let many: Vec<_> = (0..51).map(|n| json!({"userId": n})).collect();
        let answer = served.refused(By::User("7"), "POST", ROOMS, json!({"users": many})).await;
        assert_eq!(answer, no(422, "invalid"));
    }
}
