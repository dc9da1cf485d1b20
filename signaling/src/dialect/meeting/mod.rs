//! Document 003: `/api/meeting` and its events on the default namespace. Meetings of
//! one host, held at once or planned, linked to a chat or not.
//!
//! # How the document is read
//! - It shows no envelope, and a join "Returns: { jitsiToken, roomName, role }": what
//!   is returned is the body itself. Refusals are problems, `message` is in `detail`.
//! - Of a new meeting it names `title` and `participantUserIds`. The rest of what it
//!   lists is `scheduledAt`, `password`, `isRecordingEnabled` and `chatId`; also taken
//!   are `scheduledTime`, `recordingEnabled` and `conversationId`. It has moderators
//!   and does not say how somebody becomes one: `moderatorUserIds`.
//! - Ids are integers in its examples: users and chats whose ids are digits alone are
//!   shown as numbers, others as strings. Both are taken.
//! - A meeting that is not scheduled for later is `InProgress` from the beginning; it
//!   rings. Everything that ended and was not cancelled is `Completed`.
//! - A meeting may be recorded unless its maker says no; one that is held in a Jitsi if
//!   `JITSI_RECORDING_ENABLED` is true besides, which unset it is not ("Jitsi Config
//!   Object": `=== 'true'`; no other document has the variable).
//! - A recording whose `fileUrl` is a file's name alone lies in `JITSI_RECORDING_PATH`,
//!   where the Jitsi's recorder puts its files: the path goes before the name.
//! - `startedBy` and `stoppedBy` are ids, as `userId` is.
//! - Who is in the meeting is told of the others there; of its end and its cancelling
//!   everybody invited is. Hands and screens have no event of the server's here.
//! - "Can Mute All" has no endpoint and no event: the token of a host or moderator says
//!   that its holder is one, and a Jitsi lets those mute everybody. Of a meeting of ours
//!   the call page does, and `mute-all`, which answers as an acknowledged event does:
//!   there is no answer in the document to be like. Who is muted is told by its own page;
//!   `isMuted` and `user_audio_status` are what front ends say, here as everywhere.
//! - `meetingUrl` and `domain` of a join are ours: a front end that opens them lands
//!   where the meeting is held, in a Jitsi or with us.

mod routes;
mod socket;
mod wire;

pub(crate) use routes::routes;
pub(crate) use socket::Meetings;
