//! A call from hello to leave.

use convoke_media::control::{Command, CommandError, Event, OfferError, Source, TrackId};
use convoke_media::control::{SlotAssignment, SlotState, Speaker, TransportState};
use convoke_media::ids::{Mid, Rid};
use convoke_signaling::ids::{CallId, ParticipantId};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::served::{Served, Setup};

fn participant_id(joined: &Value) -> ParticipantId {
    joined["you"]["id"].as_str().unwrap().parse().unwrap()
}

on_both_databases! {
    async fn hello_join_offer_and_leave(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.connect().await;
        let token = served.token("42", None, false);
        ann.send(json!({"type": "hello", "protocol": 1, "token": token})).await;
        let welcome = ann.expect("welcome").await;
        assert_eq!(welcome["resumed"], false);
        assert_eq!(welcome["user"], json!({"id": "42", "name": "User 42", "guest": false}));

        let joined = ann.join("standup").await;
        assert_eq!(joined["request"], 1);
        assert_eq!(joined["call"]["room"], "standup");
        assert_eq!(joined["you"]["name"], "User 42");
        assert_eq!(joined["media"], "new");
        assert_eq!(joined["participants"], json!([]));

        ann.send(json!({"type": "offer", "request": 7, "sdp": "an offer",
            "publish": [{"mid": "0", "source": "camera"}]})).await;
        let answer = ann.expect("answer").await;
        assert_eq!(answer["request"], 7);
        assert_eq!(answer["sdp"], "answer to an offer");
        // What is negotiated is live until its publisher says otherwise.
        let news = ann.expect("participant_changed").await;
        let live = json!([{"source": "camera", "muted": false}]);
        assert_eq!(news["participant"]["tracks"], live);

        ann.send(json!({"type": "leave"})).await;
        ann.send(json!({"type": "ping"})).await;
        ann.expect("pong").await;
        // The session stays and may join again, as a new participant.
        let again = ann.join("standup").await;
        assert_ne!(participant_id(&again), participant_id(&joined));
    }

    async fn everybody_learns_who_comes_changes_and_goes(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let mut ben = served.enter("2").await;
        ann.join("standup").await;
        let joined = ben.join("standup").await;
        let ben_id = joined["you"]["id"].clone();
        assert_eq!(joined["participants"][0]["userId"], "1");
        let news = ann.expect("participant_joined").await;
        assert_eq!(news["participant"]["id"], ben_id);

        for (state, muted) in [("live", false), ("muted", true)] {
            ben.send(json!({"type": "publish", "source": "microphone", "state": state})).await;
            let news = ann.expect("participant_changed").await;
            let tracks = json!([{"source": "microphone", "muted": muted}]);
            assert_eq!(news["participant"]["tracks"], tracks);
            // Who publishes is told like everybody: it has one picture of the call.
            ben.expect("participant_changed").await;
        }
        let muted = |command: &Command| {
            matches!(command, Command::SetMuted { source: Source::Microphone, muted: true, .. })
        };
        assert!(served.world.media.take_log().iter().any(muted));

        ben.send(json!({"type": "leave"})).await;
        let news = ann.expect("participant_left").await;
        assert_eq!(news["participantId"], ben_id);
        assert_eq!(news["reason"], "left");
    }

    async fn what_the_media_core_says_reaches_whom_it_concerns(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let joined = ann.join("standup").await;
        let id = participant_id(&joined);
        let call: CallId = joined["call"]["id"].as_str().unwrap().parse().unwrap();
        let participant = id.into();
        let say = async |event| served.world.media_events.send(event).await.unwrap();

        say(Event::Transport { participant, state: TransportState::Connected }).await;
        assert_eq!(ann.expect("transport").await["state"], "connected");

        let track = TrackId { participant, source: Source::Camera };
        let mid = |mid| Mid::try_from(mid).unwrap();
        let assignments = vec![
            SlotAssignment { mid: mid("3"), state: SlotState::Active(track) },
            SlotAssignment { mid: mid("4"), state: SlotState::Empty },
        ];
        say(Event::Slots { participant, assignments }).await;
        let shown = json!([
            {"mid": "3", "state": "active", "participantId": id.to_string(), "source": "camera"},
            {"mid": "4", "state": "empty"},
        ]);
        assert_eq!(ann.expect("slots").await["slots"], shown);

        let wanted = ["q", "h"].map(|rid| Rid::try_from(rid).unwrap()).to_vec();
        say(Event::Layers { participant, source: Source::Camera, wanted }).await;
        let layers = ann.expect("layers").await;
        assert_eq!(layers, json!({"type": "layers", "source": "camera", "wanted": ["q", "h"]}));

        let speakers = vec![Speaker { participant, level: 20 }];
        say(Event::Speaking { router: call.into(), speakers }).await;
        let loud = json!([{"participantId": id.to_string(), "level": 20}]);
        assert_eq!(ann.expect("speaking").await["speakers"], loud);
    }

    async fn one_identity_on_two_devices_is_two_participants_of_one_user(db: TestDb) {
        let served = Served::start(&db).await;
        let mut phone = served.enter("1").await;
        let mut laptop = served.enter("1").await;
        let first = phone.join("standup").await;
        let second = laptop.join("standup").await;
        assert_eq!(first["you"]["userId"], second["you"]["userId"]);
        assert_ne!(first["you"]["id"], second["you"]["id"]);
        assert_eq!(second["participants"][0]["id"], first["you"]["id"]);
        let news = phone.expect("participant_joined").await;
        assert_eq!(news["participant"]["id"], second["you"]["id"]);
    }

    async fn the_host_ends_the_call_for_everybody_and_others_may_not(db: TestDb) {
        let served = Served::start(&db).await;
        let mut host = served.enter("1").await;
        let mut other = served.enter("2").await;
        assert_eq!(host.join("standup").await["you"]["role"], "host");
        assert_eq!(other.join("standup").await["you"]["role"], "participant");
        host.expect("participant_joined").await;

        other.send(json!({"type": "end_call", "request": 5})).await;
        let refused = other.expect("error").await;
        assert_eq!(refused["code"], "forbidden");
        assert_eq!(refused["request"], 5);

        host.send(json!({"type": "end_call", "request": 6})).await;
        assert_eq!(other.expect("call_ended").await["reason"], "completed");
        assert_eq!(host.expect("call_ended").await["reason"], "completed");
        // A leave that crossed the end is no mistake; the next join is a new call.
        other.send(json!({"type": "leave"})).await;
        other.join("standup").await;
    }

    async fn guests_enter_with_a_name_where_they_are_admitted(db: TestDb) {
        let guests = Setup { guests: true, ..Setup::default() };
        let served = Served::with(&db, guests).await;
        let mut ann = served.connect().await;
        ann.send(json!({"type": "hello", "protocol": 1, "name": " Ann "})).await;
        let welcome = ann.expect("welcome").await;
        assert_eq!(welcome["user"]["name"], "Ann");
        assert_eq!(welcome["user"]["guest"], true);
        ann.join("standup").await;
    }

    async fn what_the_media_core_refuses_has_its_code(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        ann.join("standup").await;
        let mid = Mid::try_from("9").unwrap();
        let offer = json!({"type": "offer", "request": 8, "sdp": "v=0"});
        let slots = json!({"type": "slots", "slots": [{"mid": "9", "show": {"kind": "off"}}]});
        let candidate = json!({"type": "candidate", "candidate": "nonsense"});
        let cases = [
            (&offer, OfferError::Missing("ice-ufrag").into(), "bad_offer"),
            (&offer, CommandError::Unavailable, "unavailable"),
            (&offer, CommandError::LimitReached { limit: "x" }, "unavailable"),
            (&slots, CommandError::UnknownSlot(mid), "unknown_slot"),
            (&candidate, CommandError::InvalidCandidate, "bad_candidate"),
        ];
        for (message, refusal, want) in cases {
            served.world.media.refuse(Some(refusal.clone()));
            ann.send(message.clone()).await;
            let error = ann.expect("error").await;
            assert_eq!(error["code"], want, "{refusal:?}");
            assert_eq!(error.get("request"), message.get("request"), "{refusal:?}");
            let retry = (want == "unavailable").then_some(&json!(2)).cloned();
            assert_eq!(error.get("retryAfterSecs").cloned(), retry, "{refusal:?}");
        }
    }
}
