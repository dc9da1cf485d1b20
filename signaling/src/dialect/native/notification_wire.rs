//! What a notification shows: itself, and as much of its call as a list needs.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::notification::{Notification, NotifiedCall};
use crate::domain::time::UnixMillis;
use crate::http::problem::RequestRefused;
use crate::service::Notifications;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UnreadQuery {
    unread: Option<String>,
}

impl UnreadQuery {
    /// Whether only those that are not read are wanted; `?unread` alone says so.
    pub(super) fn unread(&self) -> Result<bool, RequestRefused> {
        match self.unread.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1" | "") => Ok(true),
            Some(_) => Err(RequestRefused::Malformed("unread must be true or false")),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationList {
    notifications: Vec<NotificationView>,
    /// On all pages.
    unread_count: i64,
}

impl From<Notifications> for NotificationList {
    fn from(notifications: Notifications) -> Self {
        let page = notifications.page.into_iter();
        Self {
            notifications: page.map(NotificationView::from).collect(),
            unread_count: notifications.unread,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationView {
    id: i64,
    kind: &'static str,
    call: CallView,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.number,
            kind: notification.kind.as_str(),
            call: notification.call.into(),
            created_at: notification.created.rfc3339(),
            read_at: notification.read.map(UnixMillis::rfc3339),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = notifications::Call)]
struct CallView {
    id: String,
    number: i64,
    room: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
}

impl From<NotifiedCall> for CallView {
    fn from(call: NotifiedCall) -> Self {
        let (host_id, host_name) = call.host.unzip();
        Self {
            id: call.id.to_string(),
            number: call.number,
            room: call.room.to_string(),
            status: call.status.as_str(),
            title: call.title,
            host_id: host_id.map(|id| id.to_string()),
            host_name,
            scheduled_at: call.scheduled.map(UnixMillis::rfc3339),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MarkedRead {
    /// How many were not read before.
    pub(super) read: u64,
}
