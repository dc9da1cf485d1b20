//! Muting everybody else: who asks, who is muted and who looks on.

use serde_json::{Value, json};

use crate::on_both_databases;
use crate::served::Served;
use crate::socket::Socket;

/// Joins and sends a microphone; what the others are told of it is theirs to read.
async fn talking(served: &Served, user: &str) -> (Socket, Value) {
    let mut socket = served.enter(user).await;
    let joined = socket.join("standup").await;
    let offer = json!({"type": "offer", "request": 2, "sdp": "an offer",
        "publish": [{"mid": "0", "source": "microphone"}]});
    socket.send(offer).await;
    socket.expect("answer").await;
    assert_eq!(
        microphone(&socket.expect("participant_changed").await["participant"]),
        false
    );
    (socket, joined)
}

/// Whether the participant's microphone is muted.
fn microphone(participant: &Value) -> Value {
    let tracks = participant["tracks"].as_array().unwrap();
    let microphone = tracks.iter().find(|track| track["source"] == "microphone");
    microphone.map_or(Value::Null, |track| track["muted"].clone())
}

on_both_databases! {
    async fn the_host_mutes_everybody_else_and_others_may_not(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut host, _) = talking(&served, "1").await;
        let (mut other, joined) = talking(&served, "2").await;
        host.expect("participant_joined").await;
        host.expect("participant_changed").await;

        other.send(json!({"type": "mute_others", "request": 5})).await;
        let refused = other.expect("error").await;
        assert_eq!((&refused["code"], &refused["request"]), (&json!("forbidden"), &json!(5)));

        host.send(json!({"type": "mute_others", "request": 6})).await;
        let done = host.expect("others_muted").await;
        let want = json!({"type": "others_muted", "request": 6,
            "participantIds": [joined["you"]["id"]]});
        assert_eq!(done, want);
        assert_eq!(microphone(&host.expect("participant_changed").await["participant"]), true);
        let own = other.expect("participant_changed").await;
        assert_eq!(microphone(&own["participant"]), true);
        let muted = other.expect("muted").await;
        let want = json!({"type": "muted", "source": "microphone",
            "by": {"userId": "1", "name": "User 1"}});
        assert_eq!(muted, want);

        // It confirms, which is no news; and speaks again when it likes.
        for state in ["muted", "live"] {
            other.send(json!({"type": "publish", "source": "microphone", "state": state})).await;
        }
        assert_eq!(microphone(&host.expect("participant_changed").await["participant"]), false);
        assert_eq!(microphone(&other.expect("participant_changed").await["participant"]), false);
    }

    async fn who_was_away_is_told_before_it_says_what_it_publishes(db: TestDb) {
        let served = Served::start(&db).await;
        let (mut host, _) = talking(&served, "1").await;
        let (other, joined) = talking(&served, "2").await;
        host.expect("participant_joined").await;
        host.expect("participant_changed").await;
        other.drop_connection();
        let lost = host.expect("participant_changed").await;
        assert_eq!(lost["participant"]["connection"], "reconnecting");
        host.send(json!({"type": "mute_others", "request": 6})).await;
        let done = host.expect("others_muted").await;
        assert_eq!(done["participantIds"], json!([joined["you"]["id"]]));

        let mut token = joined["resumeToken"].clone();
        for confirmed in [false, true] {
            let mut other = served.connect().await;
            other.send(json!({"type": "hello", "protocol": 1, "resume": token})).await;
            other.expect("welcome").await;
            if !confirmed {
                assert_eq!(other.expect("muted").await["by"]["userId"], "1");
            }
            let again = other.expect("joined").await;
            assert_eq!(microphone(&again["you"]), true);
            token = again["resumeToken"].clone();
            let muted = json!({"type": "publish", "source": "microphone", "state": "muted"});
            other.send(muted).await;
            other.send(json!({"type": "ping"})).await;
            // The return is told to itself as well.
            while other.next().await.unwrap()["type"] != "pong" {}
        }
    }
}
