//! "Socket.IO Events" of the document "Jitsi Meet Integration": ten that clients say,
//! nine that they are told.

use std::time::Duration;

use convoke_signaling::service::CallRef;
use serde_json::{Value, json};

use crate::asking::{By, with_jitsi};
use crate::common::{eventually, principal};
use crate::on_both_databases;
use crate::served::Served;
use crate::sio::{By as Transport, Sio};

/// On the namespace are other documents' events as well.
const NAMES: [&str; 9] = [
    "user_joined_meeting",
    "user_left_meeting",
    "user_audio_status",
    "user_video_status",
    "recording_started",
    "recording_stopped",
    "meeting_ended",
    "meeting_invitation",
    "meeting_cancelled",
];

async fn device(served: &Served, user: &str) -> Sio {
    let device = Sio::open(served.address, Transport::WebSocket, "", &[]).await;
    let mut device = device.unwrap();
    let auth = json!({"token": served.token(user, None, false)});
    device.enter("/", &auth).await.unwrap();
    device
}

/// The next of this document's events.
async fn next(device: &mut Sio) -> (String, Value) {
    loop {
        let (event, payload) = device.event().await.expect("an event");
        if NAMES.contains(&event.as_str()) {
            return (event, payload);
        }
    }
}

fn event(name: &str, payload: Value) -> (String, Value) {
    (name.to_owned(), payload)
}

/// Says it, and it is well.
async fn say(device: &mut Sio, event: &str, payload: Value) {
    let answer = device.ask(event, &payload).await;
    assert_eq!(answer["success"], true, "{event}: {answer}");
}

/// The code of the refusal.
async fn refused(device: &mut Sio, event: &str, payload: Value) -> String {
    let answer = device.ask(event, &payload).await;
    assert_eq!(answer["success"], false, "{event}: {answer}");
    answer["error"]["code"].as_str().unwrap().to_owned()
}

/// User 1 hosts these, user 2 moderates.
async fn create(served: &Served, scheduled: Option<&str>) -> i64 {
    let body = json!({
        "title": "Test Meeting", "participantUserIds": [123], "moderatorUserIds": [2],
        "scheduledAt": scheduled,
    });
    let (status, meeting) = served
        .ask(By::User("1"), "POST", "/api/meeting/create", body)
        .await;
    assert_eq!(status, 201, "{meeting}");
    meeting["id"].as_i64().unwrap()
}

async fn put(served: &Served, id: i64, what: &str) -> Value {
    let path = format!("/api/meeting/{id}/{what}");
    served
        .get_done(By::User("1"), "PUT", &path, Value::Null)
        .await
}

/// A meeting in which all three are, and their devices.
async fn a_meeting(served: &Served) -> (i64, [Sio; 3]) {
    let id = create(served, None).await;
    let mut devices = Vec::new();
    for user in ["1", "2", "123"] {
        let mut new = device(served, user).await;
        say(&mut new, "join_meeting_room", json!({"meetingId": id})).await;
        devices.push(new);
    }
    let [mut host, mut moderator, mut guest]: [Sio; 3] =
        devices.try_into().unwrap_or_else(|_| panic!("three"));
    for user in [2, 123] {
        let (name, payload) = next(&mut host).await;
        assert_eq!(
            (name.as_str(), &payload["userId"]),
            ("user_joined_meeting", &json!(user))
        );
    }
    for device in [&mut moderator, &mut guest] {
        assert_eq!(next(device).await.0, "meeting_invitation");
    }
    assert_eq!(next(&mut moderator).await.1["userId"], 123);
    (id, [host, moderator, guest])
}

on_both_databases! {
    /// Every event of the server's but the cancelling, as it comes to each.
    async fn a_whole_meeting_as_each_device_is_told(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, [mut host, mut moderator, mut guest]) = a_meeting(&served).await;
        let about = json!({"meetingId": id});
        say(&mut guest, "meeting_audio_status", json!({"meetingId": id, "isMuted": true})).await;
        say(&mut guest, "meeting_video_status", json!({"meetingId": id, "isVideoOn": false})).await;
        say(&mut moderator, "meeting_recording_started", about.clone()).await;
        say(&mut moderator, "meeting_recording_stopped", about.clone()).await;
        say(&mut moderator, "leave_meeting_room", about.clone()).await;
        say(&mut guest, "meeting_hand_raised", about).await;
        served.world.clock.advance(Duration::from_secs(90));
        put(&served, id, "end").await;
        for (name, device) in [("host", &mut host), ("moderator", &mut moderator), ("guest", &mut guest)] {
            let mut told = Vec::new();
            while told.last().is_none_or(|(event, _)| event != "meeting_ended") {
                told.push(next(device).await);
            }
            insta::assert_json_snapshot!(format!("told_{name}"), told);
        }
        let other = create(&served, Some("2023-11-15T10:00:00Z")).await;
        assert_eq!(next(&mut guest).await.0, "meeting_invitation");
        put(&served, other, "cancel").await;
        insta::assert_json_snapshot!("told_cancelled", next(&mut guest).await);
    }

    /// meeting_invitation: at once, on connecting, and for later.
    async fn meeting_invitation_reaches_the_invited(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut guest = device(&served, "123").await;
        let mut host = device(&served, "1").await;
        let id = create(&served, None).await;
        let invited = |id: i64| event("meeting_invitation", json!({
            "meetingId": id, "hostName": "User 1", "title": "Test Meeting",
        }));
        assert_eq!(next(&mut guest).await, invited(id));
        let mut late = device(&served, "2").await;
        assert_eq!(next(&mut late).await, invited(id));
        let later = create(&served, Some("2023-11-15T10:00:00Z")).await;
        for device in [&mut guest, &mut late] {
            assert_eq!(next(device).await, invited(later));
        }
        // Who made them is not invited.
        let cancelled = put(&served, later, "cancel").await;
        assert_eq!(cancelled["status"], "Cancelled");
        assert_eq!(next(&mut host).await.0, "meeting_cancelled");
    }

    /// join_meeting_room, leave_meeting_room → user_joined_meeting, user_left_meeting.
    async fn joining_and_leaving_are_told_to_those_who_are_there(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = create(&served, None).await;
        let mut host = device(&served, "1").await;
        say(&mut host, "join_meeting_room", json!({"meetingId": id})).await;
        // With the token of a join first, as the document has it; ids may be texts.
        let mut guest = device(&served, "123").await;
        let join = format!("/api/meeting/{id}/join");
        served.get_done(By::User("123"), "POST", &join, Value::Null).await;
        say(&mut guest, "join_meeting_room", json!({"meetingId": id.to_string()})).await;
        let about = json!({"userId": 123, "userName": "User 123", "meetingId": id});
        assert_eq!(next(&mut host).await, event("user_joined_meeting", about.clone()));
        // A second device is no second participant.
        let mut second = device(&served, "123").await;
        say(&mut second, "join_meeting_room", json!({"meetingId": id})).await;
        say(&mut guest, "leave_meeting_room", json!({"meetingId": id})).await;
        assert_eq!(next(&mut host).await, event("user_left_meeting", about.clone()));
        // Again, and again by itself.
        say(&mut guest, "leave_meeting_room", json!({"meetingId": id})).await;
        say(&mut guest, "join_meeting_room", json!({"meetingId": id})).await;
        assert_eq!(next(&mut host).await, event("user_joined_meeting", about));
        let (name, _) = next(&mut guest).await;
        assert_eq!(name, "meeting_invitation");
        put(&served, id, "end").await;
        // Nothing of its own coming and going.
        assert_eq!(next(&mut guest).await.0, "meeting_ended");
    }

    /// meeting_audio_status, meeting_video_status → user_audio_status, user_video_status.
    /// Who gave the password and was lost for too long has no need to give it again; the
    /// event has no place for it.
    async fn who_is_lost_comes_back_to_a_meeting_with_a_password(db: TestDb) {
        let served = with_jitsi(&db).await;
        let body = json!({"title": "Interview", "password": "secret", "participantUserIds": [3]});
        let (_, meeting) = served.ask(By::User("1"), "POST", "/api/meeting/create", body).await;
        let id = meeting["id"].as_i64().unwrap();
        let about = json!({"meetingId": id});
        let mut host = device(&served, "1").await;
        say(&mut host, "join_meeting_room", about.clone()).await;
        let mut guest = device(&served, "3").await;
        let without = refused(&mut guest, "join_meeting_room", about.clone()).await;
        assert_eq!(without, "wrong-password");
        let password = json!({"password": "secret"});
        let join = format!("/api/meeting/{id}/join");
        served.get_done(By::User("3"), "POST", &join, password).await;
        say(&mut guest, "join_meeting_room", about.clone()).await;
        assert_eq!(next(&mut host).await.0, "user_joined_meeting");
        drop(guest);
        let record = async || {
            let meeting = CallRef::Number(id);
            served.world.service.call(&principal("1"), &meeting).await.unwrap()
        };
        eventually("it is lost", async || {
            let record = record().await;
            let mut rows = record.participants.iter();
            rows.any(|row| row.participant.presence.lost_at.is_some()).then_some(())
        })
        .await;
        served.world.clock.advance(Duration::from_secs(21));
        assert_eq!(next(&mut host).await.0, "user_left_meeting");
        let mut guest = device(&served, "3").await;
        say(&mut guest, "join_meeting_room", about).await;
        assert_eq!(next(&mut host).await.0, "user_joined_meeting");
    }

    async fn audio_and_video_status(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, [mut host, mut moderator, mut guest]) = a_meeting(&served).await;
        for (said, field, value, told) in [
            ("meeting_audio_status", "isMuted", true, "user_audio_status"),
            ("meeting_video_status", "isVideoOn", false, "user_video_status"),
            ("meeting_audio_status", "isMuted", false, "user_audio_status"),
            ("meeting_video_status", "isVideoOn", true, "user_video_status"),
        ] {
            // Saying it twice is saying it once.
            for _ in 0..2 {
                say(&mut guest, said, json!({"meetingId": id, field: value})).await;
            }
            let want = json!({"userId": 123, "userName": "User 123", field: value});
            for device in [&mut host, &mut moderator] {
                assert_eq!(next(device).await, event(told, want.clone()));
            }
        }
        put(&served, id, "end").await;
        assert_eq!(next(&mut guest).await.0, "meeting_ended");
    }

    /// meeting_screen_share_started and _stopped, meeting_hand_raised and _lowered.
    async fn screens_and_hands_are_kept(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, [mut host, _moderator, mut guest]) = a_meeting(&served).await;
        let path = format!("/api/meeting/{id}");
        for (said, field, want) in [
            ("meeting_screen_share_started", "isScreenSharing", true),
            ("meeting_hand_raised", "isHandRaised", true),
            ("meeting_screen_share_stopped", "isScreenSharing", false),
            ("meeting_hand_lowered", "isHandRaised", false),
        ] {
            say(&mut guest, said, json!({"meetingId": id})).await;
            let meeting = served.get_done(By::User("1"), "GET", &path, Value::Null).await;
            let people = meeting["participants"].as_array().unwrap();
            let own = people.iter().find(|p| p["userId"] == 123).unwrap();
            assert_eq!(own[field], want, "{said}");
        }
        // The document has no event of the server's for either.
        put(&served, id, "end").await;
        assert_eq!(next(&mut host).await.0, "meeting_ended");
    }

    /// meeting_recording_started and _stopped → recording_started, recording_stopped.
    async fn recording_is_told_by_those_who_may(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, mut devices) = a_meeting(&served).await;
        let meeting = json!({"meetingId": id});
        let [_, _, guest] = &mut devices;
        for said in ["meeting_recording_started", "meeting_recording_stopped"] {
            assert_eq!(refused(guest, said, meeting.clone()).await, "forbidden");
        }
        let [host, moderator, _] = &mut devices;
        say(host, "meeting_recording_started", meeting.clone()).await;
        say(moderator, "meeting_recording_stopped", meeting).await;
        for device in &mut devices {
            let started = json!({"meetingId": id, "startedBy": 1});
            assert_eq!(next(device).await, event("recording_started", started));
            let stopped = json!({"meetingId": id, "stoppedBy": 2});
            assert_eq!(next(device).await, event("recording_stopped", stopped));
        }
    }

    /// meeting_ended.
    async fn meeting_ended_is_told_to_all(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, mut devices) = a_meeting(&served).await;
        let ended = put(&served, id, "end").await;
        for device in &mut devices {
            let want = json!({"meetingId": id, "endedAt": ended["endedAt"]});
            assert_eq!(next(device).await, event("meeting_ended", want));
        }
        let [_, _, mut guest] = devices;
        let late = refused(&mut guest, "join_meeting_room", json!({"meetingId": id})).await;
        assert_eq!(late, "call-over");
    }

    /// meeting_cancelled.
    async fn meeting_cancelled_is_told_to_all(db: TestDb) {
        let served = with_jitsi(&db).await;
        let id = create(&served, Some("2023-11-15T10:00:00Z")).await;
        let mut guest = device(&served, "123").await;
        put(&served, id, "cancel").await;
        let want = json!({"meetingId": id, "title": "Test Meeting"});
        assert_eq!(next(&mut guest).await, event("meeting_cancelled", want.clone()));
        // One that goes on as well.
        let (id, mut devices) = a_meeting(&served).await;
        put(&served, id, "cancel").await;
        for device in &mut devices {
            let want = json!({"meetingId": id, "title": "Test Meeting"});
            assert_eq!(next(device).await, event("meeting_cancelled", want));
        }
    }

    async fn who_is_lost_may_come_back_for_a_while(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, [mut host, moderator, guest]) = a_meeting(&served).await;
        drop((moderator, guest));
        let lost = async |count: usize| {
            eventually("lost", async || {
                let meeting = CallRef::Number(id);
                let record = served.world.service.call(&principal("1"), &meeting).await.unwrap();
                let rows = record.participants.iter();
                let lost = rows.filter(|p| p.participant.presence.lost_at.is_some()).count();
                (lost == count).then_some(())
            })
            .await;
        };
        lost(2).await;
        let mut back = device(&served, "2").await;
        say(&mut back, "join_meeting_room", json!({"meetingId": id})).await;
        lost(1).await;
        served.world.clock.advance(Duration::from_secs(30));
        let about = json!({"userId": 123, "userName": "User 123", "meetingId": id});
        assert_eq!(next(&mut host).await, event("user_left_meeting", about));
        put(&served, id, "end").await;
        assert_eq!(next(&mut host).await.0, "meeting_ended");
    }

    async fn strangers_and_nonsense_are_answered(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (id, [mut host, _moderator, mut guest]) = a_meeting(&served).await;
        let mut stranger = device(&served, "9").await;
        let all = [
            "join_meeting_room",
            "leave_meeting_room",
            "meeting_audio_status",
            "meeting_video_status",
            "meeting_recording_started",
            "meeting_recording_stopped",
            "meeting_screen_share_started",
            "meeting_screen_share_stopped",
            "meeting_hand_raised",
            "meeting_hand_lowered",
        ];
        for said in all {
            let payload = json!({"meetingId": id, "isMuted": true, "isVideoOn": true});
            assert_eq!(refused(&mut stranger, said, payload).await, "unknown-call", "{said}");
        }
        for (said, payload, want) in [
            ("join_meeting_room", json!({}), "invalid"),
            ("join_meeting_room", json!(null), "invalid"),
            ("join_meeting_room", json!({"meetingId": "x"}), "unknown-call"),
            ("join_meeting_room", json!({"meetingId": 4711}), "unknown-call"),
            ("leave_meeting_room", json!({"meetingId": [id]}), "invalid"),
            ("meeting_audio_status", json!({"meetingId": id}), "invalid"),
            ("meeting_video_status", json!({"meetingId": id, "isVideoOn": "no"}), "invalid"),
        ] {
            assert_eq!(refused(&mut guest, said, payload).await, want, "{said}");
        }
        put(&served, id, "end").await;
        assert_eq!(next(&mut host).await.0, "meeting_ended");
    }
}
