//! The database fails in the middle: it is said so, and made up for.

use std::collections::HashMap;
use std::time::Duration;

use convoke_signaling::domain::participant::Connection;
use convoke_signaling::error::CallError;
use convoke_signaling::events::hub::Closed;
use convoke_signaling::events::notice::Notice;
use convoke_signaling::ids::ParticipantId;
use convoke_signaling::service::CallConfig;
use futures_util::FutureExt;

use crate::common::{World, eventually, next, principal, room_name};
use crate::on_both_databases;

const BREAK: &str = "alter table call_events rename to call_events_away";
const MEND: &str = "alter table call_events_away rename to call_events";

/// Time runs fast here, and no Call is too long.
fn patient() -> CallConfig {
    CallConfig {
        max_duration: Duration::from_secs(u64::from(u32::MAX)),
        ..CallConfig::default()
    }
}

on_both_databases! {
    /// The connection broke between the commit and its answer.
    async fn an_end_that_was_not_heard_of_is_told_with_the_next_word(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        db.execute("update calls set status = 'ended', ended_at = updated_at, end_reason = 'completed'")
            .await;
        world.service.leave(bert.participant).await.unwrap();
        let told = tokio::time::timeout(Duration::from_secs(60), anna.notices.recv()).await;
        assert_eq!(told.expect("it is told").unwrap_err(), Closed::Over);
        assert_eq!(world.service.going_on(), (0, 0));
        eventually("the media is closed", async || {
            (world.media.members() == 0).then_some(())
        })
        .await;
    }

    async fn what_the_database_could_not_take_is_made_up_for(db: TestDb) {
        let world = World::with(&db, patient()).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        let chris = world.join("chris", "r").await;
        for _ in 0..2 {
            next(&mut anna.notices).await;
        }
        db.execute(BREAK).await;
        let refused = world.service.join(&principal("dora"), room_name("r")).await;
        assert_eq!(refused.unwrap_err(), CallError::Unavailable);
        let left = world.service.leave(bert.participant).await;
        assert_eq!(left, Err(CallError::Unavailable));
        drop(bert.notices);
        world.service.disconnected(chris.participant, chris.epoch).await;
        db.execute(MEND).await;

        // Nothing was committed, so nothing was told; now both are missed, each for
        // the grace time.
        let mut told: HashMap<ParticipantId, Vec<&str>> = HashMap::new();
        let mut tell = |id, what| told.entry(id).or_default().push(what);
        let mut left = 0;
        while left < 2 {
            world.clock.advance(Duration::from_secs(1));
            match anna.notices.recv().now_or_never() {
                None => tokio::task::yield_now().await,
                Some(notice) => match &*notice.unwrap() {
                    Notice::ParticipantChanged(seen) => {
                        assert_eq!(seen.connection, Connection::Reconnecting);
                        tell(seen.id, "lost");
                    }
                    Notice::ParticipantLeft { participant, reason } => {
                        tell(*participant, reason.as_str());
                        left += 1;
                    }
                    other => panic!("told of something else: {other:?}"),
                },
            }
        }
        for gone in [bert.participant, chris.participant] {
            assert_eq!(told[&gone], ["lost", "timed_out"]);
        }
        eventually("only anna is in the media", async || {
            (world.media.members() == 1).then_some(())
        })
        .await;
        let call = anna.snapshot.call.id;
        let record = world.service.get_call(&principal("anna"), call).await.unwrap();
        assert_eq!(record.participants.len(), 3);
    }
}
