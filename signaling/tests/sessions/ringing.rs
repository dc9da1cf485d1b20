//! Rings on the native WebSocket: every device, answered elsewhere, late, declined.

use convoke_signaling::domain::call::{Backend, CallKind, CallMode, Nature, Origin};
use convoke_signaling::domain::participant::Role;
use convoke_signaling::ids::UserId;
use convoke_signaling::service::{NewCall, Planned};
use serde_json::json;

use crate::common::{principal, room_name};
use crate::on_both_databases;
use crate::served::Served;

async fn call(served: &Served, room: &str, callee: &str) -> Planned {
    let nature = Nature {
        kind: CallKind::Video,
        mode: CallMode::Direct,
        backend: Backend::Sfu,
        origin: Origin::Chat,
    };
    let new = NewCall {
        members: vec![(UserId::try_from(callee).unwrap(), Role::Participant)],
        ..NewCall::new(room_name(room), nature)
    };
    let service = &served.world.service;
    service.plan(&principal("1"), new).await.unwrap()
}

on_both_databases! {
    async fn every_device_rings_until_one_answers(db: TestDb) {
        let served = Served::start(&db).await;
        let mut phone = served.enter("2").await;
        let mut laptop = served.enter("2").await;
        let planned = call(&served, "call-1", "2").await;
        let id = planned.record.call.id.to_string();
        for device in [&mut phone, &mut laptop] {
            let ring = device.expect("ring").await;
            assert_eq!(ring["call"]["id"], json!(id));
            assert_eq!(ring["from"]["name"], "Name of 1");
            assert_eq!(ring["expiresAt"], json!(1_700_000_045_000_i64));
        }
        let mut tablet = served.enter("2").await;
        tablet.expect("ring").await;
        phone.join("call-1").await;
        for device in [&mut phone, &mut laptop, &mut tablet] {
            let over = device.expect("ring_ended").await;
            assert_eq!(over["reason"], "answered");
            assert_eq!(over["callId"], json!(id));
        }
    }

    async fn declining_stops_it_everywhere(db: TestDb) {
        let served = Served::start(&db).await;
        let mut phone = served.enter("2").await;
        let mut laptop = served.enter("2").await;
        let id = call(&served, "call-1", "2").await.record.call.id.to_string();
        phone.expect("ring").await;
        laptop.expect("ring").await;
        phone.send(json!({"type": "decline", "request": 1, "callId": id})).await;
        for device in [&mut phone, &mut laptop] {
            assert_eq!(device.expect("ring_ended").await["reason"], "declined");
        }
        // A stranger's call cannot be told from one that does not exist.
        let mut stranger = served.enter("3").await;
        for id in [id.as_str(), "0193f1a0-7c1e-7a2b-8c3d-4e5f60718293", "none"] {
            stranger.send(json!({"type": "decline", "request": 2, "callId": id})).await;
            let error = stranger.expect("error").await;
            assert_eq!((&error["code"], &error["request"]), (&json!("forbidden"), &json!(2)));
        }
    }
}
