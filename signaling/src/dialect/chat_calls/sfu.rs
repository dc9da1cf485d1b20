//! `offer` and `ice_candidate` without a target: spoken with the SFU, through the
//! native Session. Its answer is the event `answer`; everything else that it says comes
//! in event `sfu`, as docs/socketio.md has it.

use serde_json::{Value, json};

use super::socket::{Answer, Candidate, Offer};
use crate::http::problem::{Problem, RequestRefused};
use crate::session::Reply;
use crate::session::message::{ClientMessage, ServerMessage};
use crate::session::socketio::Link;

/// Enters the call's SFU first, when this is the first offer.
pub(super) async fn offer(link: &mut Link, said: Offer) -> Answer {
    let sdp = text(&said.offer, "sdp").ok_or(RequestRefused::Malformed("offer has no sdp"))?;
    let sdp = sdp.to_owned();
    let call = said.call_id.named()?;
    let call = link.service().call(link.who(), &call).await?.call;
    if link.seated_in() != Some(call.id) {
        let room = call.room.to_string();
        let request = said.request;
        let reply = link
            .ask_session(ClientMessage::Join { request, room })
            .await?;
        link.say(&refused(reply)?);
    }
    let message = ClientMessage::Offer {
        request: said.request,
        sdp,
        publish: said.publish,
    };
    for message in refused(link.ask_session(message).await?)?.messages {
        match message {
            ServerMessage::Answer {
                request,
                sdp,
                slots,
            } => {
                let answer = json!({"type": "answer", "sdp": sdp});
                let id = call.id.to_string();
                let payload =
                    json!({"callId": id, "request": request, "answer": answer, "slots": slots});
                link.emit("answer", &payload);
            }
            other => link.say(&other.into()),
        }
    }
    Ok(Value::Null)
}

pub(super) async fn candidate(link: &mut Link, said: Candidate) -> Answer {
    let call = said.call_id.named()?;
    let call = link.service().call(link.who(), &call).await?.call;
    if link.seated_in() != Some(call.id) {
        return Err(crate::error::CallError::NotInCall.into());
    }
    let line = text(&said.candidate, "candidate").unwrap_or_default();
    let mid = said
        .mid
        .or_else(|| text(&said.candidate, "sdpMid").map(str::to_owned));
    let message = ClientMessage::Candidate {
        candidate: line.to_owned(),
        mid,
    };
    let reply = refused(link.ask_session(message).await?)?;
    link.say(&reply);
    Ok(Value::Null)
}

/// Browsers' objects have the text in a field, some clients send it alone.
fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.as_str().or_else(|| value[field].as_str())
}

/// The Session says no by a message; an acknowledgement does by a problem.
fn refused(mut reply: Reply) -> Result<Reply, Problem> {
    let error = reply
        .messages
        .iter()
        .position(|m| matches!(m, ServerMessage::Error { .. }));
    match error.map(|index| reply.messages.remove(index)) {
        Some(ServerMessage::Error {
            code,
            message,
            retry_after_secs,
            ..
        }) => Err(Problem::of_session(code, message, retry_after_secs)),
        _ => Ok(reply),
    }
}
