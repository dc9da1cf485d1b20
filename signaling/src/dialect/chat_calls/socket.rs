//! The events of the namespace `/calls`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tellings;
use super::wire::{CallIdField, CallView};
use super::words::{MediaPatch, NewStatus};
use super::{relay, sfu};
use crate::dialect::{SocketDialect, Telling, payload};
use crate::domain::principal::Principal;
use crate::events::feed::News;
use crate::http::body::HostId;
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::UserId;
use crate::service::CallRecord;
use crate::session::message::PublishLine;
use crate::session::socketio::Link;

/// What the acknowledgement says besides `success`.
pub(super) type Answer = Result<Value, Problem>;

pub(crate) struct ChatCalls;

#[async_trait]
impl SocketDialect for ChatCalls {
    fn events(&self) -> &'static [&'static str] {
        &[
            "offer",
            "answer",
            "ice_candidate",
            "join_call",
            "leave_call",
            "media_state_changed",
            "call_status_changed",
        ]
    }

    async fn heard(&self, link: &mut Link, event: &str, said: Value) -> Answer {
        match event {
            "offer" => offer(link, payload(said)?).await,
            "answer" => answer(link, payload(said)?).await,
            "ice_candidate" => candidate(link, payload(said)?).await,
            "join_call" => join(link, payload(said)?).await,
            "leave_call" => leave(link, payload(said)?).await,
            "media_state_changed" => change_media(link, payload(said)?).await,
            _ => change_status(link, payload(said)?).await,
        }
    }

    fn tells(&self, viewer: &Principal, news: &News) -> Vec<Telling> {
        tellings::of(&viewer.user, news).into_iter().collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    pub(super) call_id: CallIdField,
    target_user_id: Option<HostId>,
    /// An `RTCSessionDescription`, or its SDP.
    pub(super) offer: Value,
    /// To the SFU: what each sending m-line carries.
    #[serde(default)]
    pub(super) publish: Vec<PublishLine>,
    #[serde(default)]
    pub(super) request: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferAnswer {
    call_id: CallIdField,
    target_user_id: Option<HostId>,
    answer: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    pub(super) call_id: CallIdField,
    target_user_id: Option<HostId>,
    /// An `RTCIceCandidate`, or its line; nothing at the end of candidates.
    #[serde(default)]
    pub(super) candidate: Value,
    pub(super) mid: Option<String>,
}

fn target(field: Option<&HostId>) -> Result<Option<UserId>, RequestRefused> {
    field.map(|id| id.parse("targetUserId")).transpose()
}

async fn offer(link: &mut Link, said: Offer) -> Answer {
    match target(said.target_user_id.as_ref())? {
        None => sfu::offer(link, said).await,
        Some(target) => {
            let call = said.call_id.named()?;
            relay::description(link, &call, &target, "offer", &said.offer).await
        }
    }
}

async fn answer(link: &mut Link, said: OfferAnswer) -> Answer {
    let target = target(said.target_user_id.as_ref())?;
    let target = target.ok_or(RequestRefused::Malformed(
        "the SFU makes no offers to answer",
    ))?;
    let call = said.call_id.named()?;
    relay::description(link, &call, &target, "answer", &said.answer).await
}

async fn candidate(link: &mut Link, said: Candidate) -> Answer {
    match target(said.target_user_id.as_ref())? {
        None => sfu::candidate(link, said).await,
        Some(target) => {
            let call = said.call_id.named()?;
            relay::candidate(link, &call, &target, &said.candidate).await
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JoinCall {
    call_id: CallIdField,
    password: Option<String>,
}

async fn join(link: &mut Link, said: JoinCall) -> Answer {
    let call = said.call_id.named()?;
    let entered = link.service().enter(link.who(), call, said.password);
    let record = entered.await?;
    link.arrive(&record).await;
    Ok(shown(record))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneCall {
    call_id: CallIdField,
}

async fn leave(link: &mut Link, said: OneCall) -> Answer {
    let call = said.call_id.named()?;
    let record = link.service().depart(link.who(), call).await?;
    link.forget(record.call.id);
    Ok(shown(record))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaChanged {
    call_id: CallIdField,
    #[serde(flatten)]
    patch: MediaPatch,
}

async fn change_media(link: &mut Link, said: MediaChanged) -> Answer {
    let call = said.call_id.named()?;
    let change = said.patch.into();
    let record = link.service().set_media(link.who(), call, change).await?;
    link.arrive(&record).await;
    Ok(shown(record))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusChanged {
    call_id: CallIdField,
    status: NewStatus,
}

async fn change_status(link: &mut Link, said: StatusChanged) -> Answer {
    let call = said.call_id.named()?;
    let changed = said.status.bring_about(link.service(), link.who(), call);
    let record = changed.await?;
    match said.status {
        NewStatus::Joined => link.arrive(&record).await,
        NewStatus::Left => link.forget(record.call.id),
        _ => {}
    }
    Ok(shown(record))
}

fn shown(record: CallRecord) -> Value {
    json!({"call": CallView::from(record)})
}
