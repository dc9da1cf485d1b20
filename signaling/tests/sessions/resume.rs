//! Losing the socket: who returns is the same participant, who does not has left.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::on_both_databases;
use crate::served::{Served, TOKEN_LIFETIME};
use crate::socket::Socket;

async fn resume(served: &Served, token: &Value) -> Socket {
    let mut socket = served.connect().await;
    socket
        .send(json!({"type": "hello", "protocol": 1, "resume": token}))
        .await;
    socket
}

on_both_databases! {
    async fn who_returns_is_the_same_participant_with_everything_as_it_is_now(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let mut ben = served.enter("2").await;
        let ann_joined = ann.join("standup").await;
        let joined = ben.join("standup").await;
        ann.expect("participant_joined").await;

        ben.drop_connection();
        let lost = ann.expect("participant_changed").await;
        assert_eq!(lost["participant"]["connection"], "reconnecting");

        let mut ben = resume(&served, &joined["resumeToken"]).await;
        let welcome = ben.expect("welcome").await;
        assert_eq!(welcome["resumed"], true);
        assert_eq!(welcome["user"]["id"], "2");
        let again = ben.expect("joined").await;
        assert_eq!(again["you"]["id"], joined["you"]["id"]);
        assert_eq!(again["call"], joined["call"]);
        assert_eq!(again["participants"][0]["id"], ann_joined["you"]["id"]);
        assert_eq!(again.get("request"), None);

        // Nobody saw it leave: the next that Ann hears is the return, then the goodbye.
        let back = ann.expect("participant_changed").await;
        assert_eq!(back["participant"]["connection"], "connected");
        ben.send(json!({"type": "leave"})).await;
        let left = ann.expect("participant_left").await;
        assert_eq!(left["reason"], "left");
    }

    async fn who_does_not_return_has_left_once_and_cannot_resume(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let mut ben = served.enter("2").await;
        ann.join("standup").await;
        let joined = ben.join("standup").await;
        ann.expect("participant_joined").await;
        ben.drop_connection();
        ann.expect("participant_changed").await;

        served.world.clock.advance(Duration::from_secs(19));
        ann.send(json!({"type": "ping"})).await;
        ann.expect("pong").await;
        served.world.clock.advance(Duration::from_secs(1));
        let left = ann.expect("participant_left").await;
        assert_eq!(left["participantId"], joined["you"]["id"]);
        assert_eq!(left["reason"], "timed_out");

        let mut late = resume(&served, &joined["resumeToken"]).await;
        assert_eq!(late.expect_error().await, "resume_failed");
        // The socket is good for a hello without the token.
        late.send(json!({"type": "hello", "protocol": 1, "token": served.token("2", None, false)}))
            .await;
        late.expect("welcome").await;
        late.join("standup").await;
        // Exactly one left: the next news is the new participant.
        ann.expect("participant_joined").await;
    }

    async fn of_two_sockets_that_resume_the_later_wins(db: TestDb) {
        let served = Served::start(&db).await;
        let mut first = served.enter("1").await;
        let joined = first.join("standup").await;
        // A changed network: the new socket is there before the old one is known dead.
        let mut second = resume(&served, &joined["resumeToken"]).await;
        second.expect("welcome").await;
        let resumed = second.expect("joined").await;
        assert_eq!(resumed["you"]["id"], joined["you"]["id"]);
        assert_eq!(first.closed().await, 4003);
        // Only the last two tokens are good: the answer to the last resume may be lost.
        second.send(json!({"type": "ping"})).await;
        second.expect("pong").await;
        let mut third = resume(&served, &resumed["resumeToken"]).await;
        third.expect("welcome").await;
        assert_eq!(second.closed().await, 4003);
        let mut stolen = resume(&served, &joined["resumeToken"]).await;
        assert_eq!(stolen.expect_error().await, "resume_failed");
        third.expect("joined").await;
        third.send(json!({"type": "ping"})).await;
        third.expect("pong").await;
    }

    async fn an_expired_token_begins_nothing_and_cuts_nothing(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let mut ben = served.enter("2").await;
        let joined = ann.join("standup").await;
        served.world.clock.advance(TOKEN_LIFETIME);
        ann.send(json!({"type": "ping"})).await;
        ann.expect("pong").await;
        ben.send(json!({"type": "join", "request": 1, "room": "standup"})).await;
        assert_eq!(ben.expect_error().await, "unauthorized");
        let mut again = resume(&served, &joined["resumeToken"]).await;
        assert_eq!(again.expect_error().await, "resume_failed");
    }

    async fn a_clean_close_without_leave_is_a_loss(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let mut ben = served.enter("2").await;
        ann.join("standup").await;
        ben.join("standup").await;
        ann.expect("participant_joined").await;
        ben.send_raw(Message::Close(None)).await;
        let lost = ann.expect("participant_changed").await;
        assert_eq!(lost["participant"]["connection"], "reconnecting");
    }

    async fn a_session_without_a_call_resumes_its_identity(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.connect().await;
        ann.send(json!({"type": "hello", "protocol": 1, "token": served.token("1", None, false)}))
            .await;
        let welcome = ann.expect("welcome").await;
        ann.drop_connection();
        let mut ann = resume(&served, &welcome["resumeToken"]).await;
        let again = ann.expect("welcome").await;
        assert_eq!(again["resumed"], true);
        assert_eq!(again["user"]["id"], "1");
        assert_eq!(again["sessionId"], welcome["sessionId"]);
        ann.join("standup").await;
    }

    async fn a_restart_of_the_server_is_survived(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let joined = ann.join("standup").await;
        served.shut_down().await;
        assert_eq!(ann.closed().await, 1001);

        let served = Served::start(&db).await;
        let mut ann = resume(&served, &joined["resumeToken"]).await;
        ann.expect("welcome").await;
        let again = ann.expect("joined").await;
        assert_eq!(again["you"]["id"], joined["you"]["id"]);
        assert_eq!(again["call"]["id"], joined["call"]["id"]);
        // The media of the earlier process is gone.
        assert_eq!(again["media"], "new");
    }

    async fn a_forged_token_resumes_nothing(db: TestDb) {
        let served = Served::start(&db).await;
        let mut ann = served.enter("1").await;
        let joined = ann.join("standup").await;
        let token = joined["resumeToken"].as_str().unwrap();
        let (body, _) = token.rsplit_once('.').unwrap();
        let user = served.token("1", None, false);
        for forged in ["", "x", body, user.as_str()] {
            let mut thief = resume(&served, &json!(forged)).await;
            assert_eq!(thief.expect_error().await, "resume_failed", "{forged}");
        }
        ann.send(json!({"type": "ping"})).await;
        ann.expect("pong").await;
    }
}
