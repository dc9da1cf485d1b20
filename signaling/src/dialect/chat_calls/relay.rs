//! Signaling between two participants: what one says to another is passed on as it is,
//! if both are in the call, and read by nobody.

use serde_json::{Value, json};

use super::socket::Answer;
use crate::domain::participant::ParticipantStatus;
use crate::error::CallError;
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::UserId;
use crate::service::{CallRecord, CallRef};
use crate::session::socketio::Link;

/// A browser's offer with four cameras has some 20 kB. What is passed on waits for each
/// device that does not read, as often as its queue is long.
const MAX_DESCRIPTION_BYTES: usize = 32 * 1024;

/// A candidate's line has some 150 bytes.
const MAX_CANDIDATE_BYTES: usize = 4096;

/// An offer or an answer; the field is called as the event is.
pub(super) async fn description(
    link: &mut Link,
    call: &CallRef,
    target: &UserId,
    event: &'static str,
    description: &Value,
) -> Answer {
    bounded(description, MAX_DESCRIPTION_BYTES)?;
    link.pay_for_description()?;
    pass_on(link, call, target, event, (event, description)).await
}

pub(super) async fn candidate(
    link: &mut Link,
    call: &CallRef,
    target: &UserId,
    candidate: &Value,
) -> Answer {
    bounded(candidate, MAX_CANDIDATE_BYTES)?;
    let field = ("candidate", candidate);
    pass_on(link, call, target, "ice_candidate", field).await
}

async fn pass_on(
    link: &mut Link,
    call: &CallRef,
    target: &UserId,
    event: &'static str,
    (field, value): (&'static str, &Value),
) -> Answer {
    let from = &link.who().user.clone();
    if from == target {
        return Err(RequestRefused::Invalid("nobody calls themselves".to_owned()).into());
    }
    let record = link.service().call(link.who(), call).await?;
    if !(is_in(&record, from) && is_in(&record, target)) {
        return Err(CallError::NotInCall.into());
    }
    let message = json!({
        "callId": record.call.id.to_string(),
        "fromUserId": from.as_str(),
        field: value,
    });
    // Two who speak with each other may say nothing more to us while they talk.
    link.arrive(&record).await;
    match link.relay(target, event, &message) {
        true => Ok(Value::Null),
        false => Err(RequestRefused::Unreachable.into()),
    }
}

fn is_in(record: &CallRecord, user: &UserId) -> bool {
    let mut rows = record.participants.iter().map(|row| &row.participant);
    rows.any(|p| p.user == *user && p.status == ParticipantStatus::Joined)
}

fn bounded(value: &Value, limit: usize) -> Result<(), Problem> {
    let size = value.to_string().len();
    if size <= limit {
        return Ok(());
    }
    Err(RequestRefused::Invalid(format!("more than {limit} bytes")).into())
}
