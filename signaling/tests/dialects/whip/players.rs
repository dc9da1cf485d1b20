//! Players: seen by everybody, in nobody's way.

use std::time::Duration;

use convoke_media::control::{Command, SlotTarget, Source, TrackId};
use convoke_signaling::ids::ParticipantId;
use serde_json::json;

use super::*;
use crate::on_both_databases;

const ANN: By<'_> = By::User("1");
const BEN: By<'_> = By::User("2");

/// Whom the Slots were last told to show, in their order.
async fn pinned(served: &Served) -> Vec<Option<TrackId>> {
    eventually("the slots are set", async || {
        let log = served.world.media.take_log();
        log.into_iter().rev().find_map(|command| match command {
            Command::SetSlots { slots, .. } => Some(slots),
            _ => None,
        })
    })
    .await
    .into_iter()
    .map(|slot| match slot.target {
        SlotTarget::Pinned(track) => Some(track),
        SlotTarget::Off => None,
        SlotTarget::Automatic => panic!("anybody may come there"),
    })
    .collect()
}

fn id_in(call: &Value, at: usize) -> ParticipantId {
    let id = call["participants"][at]["id"].as_str().unwrap();
    id.parse().unwrap()
}

fn tracks(id: ParticipantId) -> [Option<TrackId>; 2] {
    let participant = id.into();
    [Source::Microphone, Source::Camera].map(|source| {
        Some(TrackId {
            participant,
            source,
        })
    })
}

on_both_databases! {
    async fn a_player_is_listed_as_one(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        ann.join("r").await;
        let (path, _) = served.opened(BEN, "/whep/r", receiving()).await;
        let joined = ann.expect("participant_joined").await;
        assert_eq!(joined["participant"]["role"], "viewer");
        assert_eq!(joined["participant"]["tracks"], json!([]));
        let want = [json!(["User 1", "host", "joined"]), json!(["User 2", "viewer", "joined"])];
        assert_eq!(people(&served.latest("r").await), want);
        assert_eq!(served.say(BEN, "DELETE", &path, &[], Body::empty()).await.status, 200);
        assert_eq!(ann.expect("participant_left").await["reason"], "left");
        // The server chooses what its Slots show.
        let log = served.world.media.take_log();
        assert!(!log.iter().any(|c| matches!(c, Command::SetSlots { .. })), "{log:?}");
    }

    async fn a_player_shows_the_one_that_it_names(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(BEN, "/whip/r?participant=Other", publishing()).await;
        // Not there yet: nobody else is shown instead.
        served.opened(By::User("3"), "/whep/r/Camera%201", receiving()).await;
        assert_eq!(pinned(&served).await, [None, None]);
        let (path, _) =
            served.opened(ANN, "/whip/r?participant=Camera%201", publishing()).await;
        let ann = id_in(&served.latest("r").await, 2);
        assert_eq!(pinned(&served).await, tracks(ann));
        // By user id, and of one who is there.
        served.opened(By::User("4"), "/whep/r/1", receiving()).await;
        assert_eq!(pinned(&served).await, tracks(ann));
        served.say(ANN, "DELETE", &path, &[], Body::empty()).await;
        assert_eq!(pinned(&served).await, [None, None]);
    }

    async fn a_player_waits_for_the_call_and_does_not_lead_it(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(BEN, "/whep/r", receiving()).await;
        super::life::connected(&served, "r").await;
        let call = served.latest("r").await;
        assert_eq!((&call["status"], &call["startedAt"]), (&json!("pending"), &Value::Null));
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        let call = served.latest("r").await;
        assert_eq!((&call["status"], &call["initiatedBy"]), (&json!("ongoing"), &json!("1")));
        let want = [json!(["User 2", "viewer", "joined"]), json!(["User 1", "host", "joined"])];
        assert_eq!(people(&call), want);

        // The broadcaster drops out; its players wait for it for a minute.
        served.say(ANN, "DELETE", &path, &[], Body::empty()).await;
        assert_eq!(served.latest("r").await["status"], "ongoing");
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        assert_eq!(served.latest("r").await["id"], call["id"]);
        served.say(ANN, "DELETE", &path, &[], Body::empty()).await;
        served.world.clock.advance(Duration::from_secs(61));
        let over = served.until("r", "it ended", |call| call["status"] == "ended").await;
        assert_eq!(over["participants"][0]["leaveReason"], "call_ended");
    }

    async fn a_player_alone_leaves_nothing_going_on(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, _) = served.opened(BEN, "/whep/r", receiving()).await;
        served.say(BEN, "DELETE", &path, &[], Body::empty()).await;
        let call = served.latest("r").await;
        assert_eq!((&call["status"], &call["startedAt"]), (&json!("ended"), &Value::Null));
    }

    /// Watching is no membership, no rank and no presence of its user's.
    async fn a_player_gives_its_user_nothing(db: TestDb) {
        let served = crate::asking::with_jitsi(&db).await;
        let body = json!({"title": "Tea", "participantUserIds": [2], "backend": "sfu"});
        let (_, meeting) = served.ask(ANN, "POST", "/api/meeting/create", body).await;
        let room = meeting["roomName"].as_str().unwrap();
        let whep = format!("/whep/{room}");
        let stranger = served.offer(By::User("9"), &whep, receiving()).await;
        assert_eq!(stranger.problem(), (404, "unknown-call".to_owned()));
        let before = people(&served.latest(room).await);
        served.opened(BEN, &whep, receiving()).await;
        let call = served.latest(room).await;
        let after = people(&call);
        assert_eq!(after.len(), before.len() + 1, "{after:?}");
        assert!(after.contains(&json!(["User 2", "viewer", "joined"])), "{after:?}");
        // The invitation is unused, and the meeting's own list knows no player.
        let path = format!("/api/meeting/{}", meeting["id"]);
        let shown = served.get_done(ANN, "GET", &path, Value::Null).await;
        assert_eq!(shown["participants"], meeting["participants"]);
    }
}
