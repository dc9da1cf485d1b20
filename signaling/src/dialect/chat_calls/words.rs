//! The document's words for what the domain knows.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::call::{Call, CallKind, CallStatus, EndReason};
use crate::domain::lifecycle::HangUp;
use crate::domain::participant::{MediaChange, MediaFlag, MediaState};
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::service::{CallRecord, CallRef, CallService};

pub(super) fn call_status(call: &Call) -> &'static str {
    let rings = call.times.rings_until.is_some() && call.times.answered.is_none();
    match (call.status, call.end_reason) {
        (CallStatus::Pending | CallStatus::Ongoing, _) if rings => "ringing",
        (CallStatus::Scheduled | CallStatus::Pending, _) => "initiated",
        (CallStatus::Ongoing, _) => "ongoing",
        (CallStatus::Ended, Some(EndReason::Missed | EndReason::NoShow)) => "missed",
        (CallStatus::Ended, Some(EndReason::Rejected)) => "rejected",
        (CallStatus::Ended, Some(EndReason::Cancelled)) => "cancelled",
        (CallStatus::Ended, Some(EndReason::Failed)) => "failed",
        (CallStatus::Ended, Some(EndReason::Completed) | None) => "completed",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallType {
    Audio,
    Video,
    Screen,
}

impl From<CallType> for CallKind {
    fn from(kind: CallType) -> Self {
        match kind {
            CallType::Audio => Self::Audio,
            CallType::Video => Self::Video,
            CallType::Screen => Self::Screen,
        }
    }
}

/// What somebody says has become of its participation, or of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum NewStatus {
    /// What the server knows as well.
    Initiated,
    Invited,
    Ringing,
    Ongoing,
    Accepted,
    Joined,
    Left,
    Declined,
    Rejected,
    /// Nobody answered there.
    Missed,
    Completed,
    Cancelled,
    Failed,
}

impl NewStatus {
    pub(super) async fn bring_about(
        self,
        service: &CallService,
        who: &Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        match self {
            Self::Initiated | Self::Invited | Self::Ringing | Self::Ongoing => {
                service.call(who, &call).await
            }
            Self::Accepted => service.accept(who, call).await,
            Self::Joined => service.enter(who, call, None).await,
            Self::Left => service.depart(who, call).await,
            Self::Declined | Self::Rejected => service.decline(who, call).await,
            Self::Missed => service.miss(who, call).await,
            Self::Completed => service.hang_up(who, call, HangUp::Over).await,
            Self::Cancelled => service.hang_up(who, call, HangUp::Cancel).await,
            Self::Failed => service.hang_up(who, call, HangUp::Failed).await,
        }
    }
}

/// What changes of one's media state; what is not named stays.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MediaPatch {
    is_mic_muted: Option<bool>,
    is_camera_off: Option<bool>,
    #[serde(alias = "isVideoOn")]
    is_camera_on: Option<bool>,
    is_screen_sharing: Option<bool>,
    is_hand_raised: Option<bool>,
}

impl From<MediaPatch> for MediaChange {
    fn from(patch: MediaPatch) -> Self {
        let off = patch.is_camera_off.or(patch.is_camera_on.map(|on| !on));
        Self::default()
            .and(MediaFlag::MicMuted, patch.is_mic_muted)
            .and(MediaFlag::CameraOff, off)
            .and(MediaFlag::ScreenSharing, patch.is_screen_sharing)
            .and(MediaFlag::HandRaised, patch.is_hand_raised)
    }
}

/// The whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallMedia)]
pub(super) struct MediaView {
    is_mic_muted: bool,
    is_camera_off: bool,
    is_screen_sharing: bool,
    is_hand_raised: bool,
}

impl From<MediaState> for MediaView {
    fn from(state: MediaState) -> Self {
        Self {
            is_mic_muted: state.has(MediaFlag::MicMuted),
            is_camera_off: state.has(MediaFlag::CameraOff),
            is_screen_sharing: state.has(MediaFlag::ScreenSharing),
            is_hand_raised: state.has(MediaFlag::HandRaised),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::call::Nature;
    use crate::domain::time::UnixMillis;
    use crate::ids::{CallId, RoomName};

    #[test]
    fn every_state_of_a_call_has_the_document_s_word() {
        use CallStatus::{Ended, Ongoing, Pending, Scheduled};
        let room = RoomName::try_from("r").unwrap();
        let id = CallId::from_uuid(Uuid::nil());
        let call = Call::pending(id, room, Nature::AD_HOC, UnixMillis(0));
        // status, end reason, rings, answered → word
        let cases = [
            (Scheduled, None, false, false, "initiated"),
            (Pending, None, false, false, "initiated"),
            (Pending, None, true, false, "ringing"),
            (Ongoing, None, true, false, "ringing"),
            (Ongoing, None, true, true, "ongoing"),
            (Ongoing, None, false, true, "ongoing"),
            (Ended, Some(EndReason::Completed), false, true, "completed"),
            (Ended, Some(EndReason::Missed), false, false, "missed"),
            (Ended, Some(EndReason::NoShow), false, false, "missed"),
            (Ended, Some(EndReason::Rejected), false, false, "rejected"),
            (Ended, Some(EndReason::Cancelled), false, false, "cancelled"),
            (Ended, Some(EndReason::Failed), false, true, "failed"),
        ];
        for case in cases {
            let (status, end_reason, rings, answered, want) = case;
            let mut call = call.clone();
            call.status = status;
            call.end_reason = end_reason;
            call.times.rings_until = rings.then_some(UnixMillis(1));
            call.times.answered = answered.then_some(UnixMillis(1));
            assert_eq!(call_status(&call), want, "{case:?}");
        }
    }

    #[test]
    fn media_state_changes_by_what_is_named() {
        let was = MediaState::default().with(MediaFlag::CameraOff, true);
        for (patch, want) in [
            (json!({}), [false, true, false, false]),
            (json!({"isMicMuted": true}), [true, true, false, false]),
            (json!({"isCameraOff": false}), [false, false, false, false]),
            (json!({"isCameraOn": true}), [false, false, false, false]),
            (json!({"isVideoOn": false}), [false, true, false, false]),
            (
                json!({"isScreenSharing": true, "isHandRaised": true}),
                [false, true, true, true],
            ),
        ] {
            let change: MediaPatch = serde_json::from_value(patch.clone()).unwrap();
            let view = MediaView::from(MediaChange::from(change).applied_to(was));
            let got = [
                view.is_mic_muted,
                view.is_camera_off,
                view.is_screen_sharing,
                view.is_hand_raised,
            ];
            assert_eq!(got, want, "{patch}");
        }
    }
}
