//! "Socket.IO Events" of the document "Video/Audio Calls – Corporate Chat": what each
//! device is told, from its first event to `call_ended`.

use std::time::Duration;

use convoke_signaling::domain::event::Happening;
use convoke_signaling::service::CallRef;
use serde_json::{Value, json};

use crate::asking::{By, with_jitsi};
use crate::common::{eventually, principal};
use crate::on_both_databases;
use crate::served::Served;
use crate::sio::{By as Transport, Sio};

async fn device(served: &Served, user: &str) -> Sio {
    let mut device = Sio::open(served.address, Transport::WebSocket, "", &[])
        .await
        .unwrap();
    let auth = json!({"token": served.token(user, None, false)});
    device.enter("/", &auth).await.unwrap();
    device
}

/// User 1 calls these.
async fn ring(served: &Served, participants: &[i64]) -> i64 {
    let body = json!({"callType": "video", "participants": participants});
    let (status, answer) = served
        .ask(By::User("1"), "POST", "/api/calls/initiate", body)
        .await;
    assert_eq!(status, 201, "{answer}");
    answer["call"]["id"].as_i64().unwrap()
}

async fn post(served: &Served, user: &str, id: i64, what: &str) {
    let path = format!("/api/calls/{id}/{what}");
    served
        .get_done(By::User(user), "POST", &path, Value::Null)
        .await;
}

/// Says it, and it is well.
async fn say(device: &mut Sio, event: &str, payload: Value) {
    let answer = device.ask(event, &payload).await;
    assert_eq!(
        answer,
        json!({"success": true, "callId": payload["callId"]}),
        "{event}"
    );
}

/// Everything that a device was told, to the end of the call.
async fn told(mut device: Sio) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    loop {
        let (event, mut payload) = device.event().await.expect("the call ends first");
        if let Some(room) = payload.get_mut("roomName") {
            assert!(room.as_str().unwrap().starts_with("call-1-"));
            *room = "[room]".into();
        }
        let over = event == "call_ended";
        all.push((event, payload));
        if over {
            return all;
        }
    }
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(event, _)| event.as_str()).collect()
}

on_both_databases! {
    async fn a_whole_call_as_each_device_is_told(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut ann = device(&served, "1").await;
        let mut ben = device(&served, "2").await;
        let bens_other = device(&served, "2").await;
        let mut cara = device(&served, "3").await;

        let id = ring(&served, &[2, 3]).await;
        let about = json!({"callId": id});
        // As the document's front end does after the request.
        say(&mut ann, "call_incoming", json!({"callId": id, "participants": [2, 3]})).await;
        say(&mut ann, "call_join", about.clone()).await;
        served.world.clock.advance(Duration::from_secs(5));
        post(&served, "2", id, "join").await;
        say(&mut ben, "call_accept", about.clone()).await;
        say(&mut ben, "call_join", about.clone()).await;
        post(&served, "3", id, "decline").await;
        say(&mut cara, "call_decline", about.clone()).await;
        let status = json!({"audio_muted": false, "video_off": false, "screen_sharing": true});
        say(&mut ben, "call_status_update", json!({"callId": id, "status": status})).await;
        let muted = json!({"callId": id, "status": {"audio_muted": true}});
        say(&mut ben, "call_status_update", muted).await;
        say(&mut ann, "call_recording_started", about.clone()).await;
        say(&mut ann, "call_recording_stopped", about.clone()).await;
        for event in ["call_end", "call_recording_started"] {
            let answer = ben.ask(event, &about).await;
            assert_eq!(answer["error"]["code"], "forbidden", "{event}");
        }
        say(&mut ben, "call_leave", about.clone()).await;
        say(&mut ann, "call_end", about).await;

        insta::assert_json_snapshot!("ann", told(ann).await);
        let ben = told(ben).await;
        insta::assert_json_snapshot!("ben", ben);
        assert_eq!(told(bens_other).await, ben);
        insta::assert_json_snapshot!("cara", told(cara).await);
    }

    async fn call_incoming_reaches_a_device_that_comes_late_and_each_once(db: TestDb) {
        let served = with_jitsi(&db).await;
        let early = device(&served, "2").await;
        let id = ring(&served, &[2]).await;
        let late = device(&served, "2").await;
        post(&served, "1", id, "end").await;
        let (early, late) = (told(early).await, told(late).await);
        assert_eq!(names(&early), ["call_incoming", "call_ring_stopped", "call_ended"]);
        assert_eq!(early, late);
        let incoming = &late[0].1;
        assert_eq!(incoming["expiresAt"], "2023-11-14T22:14:05.000Z");
        assert_eq!(incoming["initiatedBy"], json!({"id": 1, "name": "User 1"}));
        assert_eq!(late[1].1, json!({"callId": id, "reason": "cancelled"}));
        assert_eq!(late[2].1, json!({"callId": id, "endedBy": {"id": 1, "name": "User 1"}}));
    }

    async fn call_ended_when_nobody_answers(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (ann, ben) = (device(&served, "1").await, device(&served, "2").await);
        let id = ring(&served, &[2]).await;
        served.world.clock.advance(Duration::from_secs(46));
        let ben = told(ben).await;
        assert_eq!(names(&ben), ["call_incoming", "call_ring_stopped", "call_ended"]);
        assert_eq!(ben[1].1, json!({"callId": id, "reason": "missed"}));
        assert_eq!(told(ann).await, [("call_ended".to_owned(), json!({"callId": id, "endedBy": null}))]);
    }

    async fn call_accept_without_a_request_stops_the_ring(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut ben = device(&served, "2").await;
        let mut other = device(&served, "2").await;
        let id = ring(&served, &[2, 3]).await;
        other.expect("call_incoming").await;
        let answer = ben.ask("call_accept", &json!({"callId": id.to_string()})).await;
        assert_eq!(answer, json!({"success": true, "callId": id}));
        let stopped = other.expect("call_ring_stopped").await;
        assert_eq!(stopped, json!({"callId": id, "reason": "answered_elsewhere"}));
    }

    /// "Another participant accepted the call": those who still care hear of another.
    async fn call_accepted_is_told_to_the_others_who_follow(db: TestDb) {
        let served = with_jitsi(&db).await;
        let (ann, ben, cara) = (device(&served, "1").await, device(&served, "2").await, device(&served, "3").await);
        let dora = device(&served, "4").await;
        let id = ring(&served, &[2, 3, 4]).await;
        post(&served, "3", id, "decline").await;
        post(&served, "2", id, "join").await;
        post(&served, "1", id, "end").await;
        for (device, accepted) in [(ann, true), (ben, false), (cara, false), (dora, true)] {
            let told = told(device).await;
            let names = names(&told);
            assert_eq!(names.contains(&"call_accepted"), accepted, "{names:?}");
            assert!(names.contains(&"call_declined"), "{names:?}");
        }
    }

    async fn call_join_holds_the_place_and_its_end_begins_the_grace_time(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut ann = device(&served, "1").await;
        let mut ben = device(&served, "2").await;
        let id = ring(&served, &[2]).await;
        let about = json!({"callId": id});
        say(&mut ann, "call_join", about.clone()).await;
        ben.expect("call_incoming").await;
        say(&mut ben, "call_join", about.clone()).await;
        drop(ben);
        let call = CallRef::Number(id);
        eventually("the server sees that it is gone", async || {
            let events = served.world.service.events_after(&principal("1"), &call, 0, 100).await;
            let lost = events.unwrap().iter().any(|event| event.what == Happening::Disconnected);
            lost.then_some(())
        })
        .await;
        served.world.clock.advance(Duration::from_secs(21));
        for event in ["call_participant_joined", "call_accepted", "call_participant_joined"] {
            ann.expect(event).await;
        }
        let left = ann.expect("call_participant_left").await;
        assert_eq!((&left["userId"], left["participants"].as_array().map(Vec::len)), (&json!(2), Some(1)));
    }

    async fn strangers_and_nonsense_are_answered(db: TestDb) {
        let served = with_jitsi(&db).await;
        let mut eve = device(&served, "9").await;
        let id = ring(&served, &[2]).await;
        let all = [
            "call_incoming", "call_accept", "call_decline", "call_join", "call_leave", "call_end",
            "call_status_update", "call_recording_started", "call_recording_stopped",
        ];
        for event in all {
            for (payload, code) in [
                (json!({"callId": id}), "unknown-call"),
                (json!({"callId": id + 1}), "unknown-call"),
                (json!({"callId": "x"}), "unknown-call"),
                (json!({"callId": {}}), "invalid"),
                (json!({}), "invalid"),
                (json!([]), "invalid"),
                (Value::Null, "invalid"),
            ] {
                let answer = eve.ask(event, &payload).await;
                assert_eq!(answer["success"], false, "{event} {payload}");
                assert_eq!(answer["error"]["code"], code, "{event} {payload}");
            }
            // A client is not closed for so few mistakes of each kind.
            eve = device(&served, "9").await;
        }
    }
}
