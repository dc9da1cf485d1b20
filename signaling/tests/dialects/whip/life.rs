//! How long an encoder is in the call, without a connection that could be lost.

use std::time::Duration;

use convoke_media::control::{Event, TransportState};
use convoke_signaling::ids::ParticipantId;

use super::*;
use crate::on_both_databases;

const ANN: By<'_> = By::User("1");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What the media core tells of the only participant of the room.
async fn tell(served: &Served, room: &str, state: TransportState) {
    let call = served.latest(room).await;
    let id: ParticipantId = call["participants"][0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let participant = id.into();
    let event = Event::Transport { participant, state };
    served.world.media_events.send(event).await.unwrap();
}

/// The path works, and whoever waited for it has heard so.
pub(super) async fn connected(served: &Served, room: &str) {
    let clock = &served.world.clock;
    eventually("it waits for a path", async || {
        clock.someone_sleeps(CONNECT_TIMEOUT).then_some(())
    })
    .await;
    tell(served, room, TransportState::Connected).await;
    eventually("the path is known", async || {
        (!clock.someone_sleeps(CONNECT_TIMEOUT)).then_some(())
    })
    .await;
}

async fn left(served: &Served, room: &str) -> Value {
    served
        .until(room, "it left", |call| {
            call["participants"][0]["status"] == "left"
        })
        .await;
    let events = served.happened(room).await;
    let left = events.iter().filter(|(what, _)| what == "left").count();
    assert_eq!(left, 1, "{events:?}");
    eventually("the media forgot it", async || {
        (served.world.media.members() == 0).then_some(())
    })
    .await;
    // The first look may have met the call's row before that commit, and the others after.
    served.latest(room).await
}

on_both_databases! {
    async fn without_a_path_it_leaves(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        let clock = &served.world.clock;
        eventually("it waits for a path", async || {
            clock.someone_sleeps(CONNECT_TIMEOUT).then_some(())
        })
        .await;
        clock.advance(CONNECT_TIMEOUT);
        let call = left(&served, "r").await;
        assert_eq!(call["participants"][0]["leaveReason"], "timed_out");
        assert_eq!(call["status"], "ended");
        eventually("the resource is gone", async || {
            let late = served.say(ANN, "DELETE", &path, &[], Body::empty()).await;
            (late.status == 404).then_some(())
        })
        .await;
    }

    async fn it_stays_as_long_as_its_path(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(ANN, "/whip/r", publishing()).await;
        connected(&served, "r").await;
        served.world.clock.advance(Duration::from_secs(3600));
        assert_eq!(served.latest("r").await["participants"][0]["status"], "joined");
        tell(&served, "r", TransportState::Disconnected).await;
        let call = left(&served, "r").await;
        assert_eq!(call["participants"][0]["durationSecs"], 3600);
    }

    async fn a_handshake_that_fails_is_the_end(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(ANN, "/whip/r", publishing()).await;
        tell(&served, "r", TransportState::Failed).await;
        left(&served, "r").await;
    }

    async fn a_restart_is_waited_for(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        connected(&served, "r").await;
        assert_eq!(served.patch(ANN, &path, "*", &fragment("new1")).await.status, 200);
        tell(&served, "r", TransportState::Disconnected).await;
        connected(&served, "r").await;
        assert_eq!(served.latest("r").await["participants"][0]["status"], "joined");
        // The next time nobody is about to restart.
        tell(&served, "r", TransportState::Disconnected).await;
        left(&served, "r").await;
    }

    async fn the_end_of_the_call_is_its_end(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        let mut ben = served.enter("2").await;
        ben.join("r").await;
        let id = served.latest("r").await["id"].as_str().unwrap().to_owned();
        let call = id.parse().unwrap();
        let host = crate::common::principal("1");
        served.world.service.end_call_as(&host, call).await.unwrap();
        eventually("it is gone", async || {
            let said = served.patch(ANN, &path, "*", &fragment("new1")).await;
            (said.status == 404).then_some(())
        })
        .await;
    }

    /// Nobody could come back to media that a process has taken along.
    async fn a_server_that_stops_lets_it_leave(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(ANN, "/whip/r", publishing()).await;
        served.shut_down().await;
        let served = Served::start(&db).await;
        let events = served.happened("r").await;
        assert_eq!(events.iter().filter(|(what, _)| what == "left").count(), 1, "{events:?}");
        assert_eq!(served.latest("r").await["participants"][0]["leaveReason"], "left");
    }
}
