//! Table `call_participants`: one row a device that was in a Call.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, parse, parse_or_null};
use crate::domain::participant::{MediaFlag, MediaState, Participant, ParticipantStatus, Presence};
use crate::ids::{Epoch, UserId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select p.call_id, p.uuid, p.user_id, p.name, p.role, p.status, p.invited,
                p.accepted_at, p.joined_at, p.left_at, p.leave_reason, p.by_word, p.heard_at,
                p.lost_at, p.epoch, p.media, u.avatar_url
             from call_participants p join users u on u.id = p.user_id ",
            $rest
        )
    };
}

/// Everybody in the Call, in order of joining, and who else was invited.
pub(super) async fn concerned(
    connection: &mut AnyConnection,
    call_number: i64,
) -> Result<(Vec<Participant>, Vec<Participant>), sqlx::Error> {
    let rows = sqlx::query(select!(
        "where p.call_id = $1 and (p.status = 'joined' or p.invited = 1)
         order by p.joined_at, p.id"
    ))
    .bind(call_number)
    .fetch_all(connection)
    .await?;
    let all: Result<Vec<_>, _> = rows.iter().map(participant_from).collect();
    let joined = |p: &Participant| p.status == ParticipantStatus::Joined;
    Ok(all?.into_iter().partition(joined))
}

pub(super) async fn put(
    connection: &mut AnyConnection,
    call_number: i64,
    participant: &Participant,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into call_participants
            (call_id, uuid, user_id, name, role, status, joined_at, left_at,
             leave_reason, lost_at, epoch, invited, accepted_at, by_word, media,
             heard_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (uuid) do update set
            name = excluded.name,
            role = excluded.role,
            status = excluded.status,
            joined_at = excluded.joined_at,
            left_at = excluded.left_at,
            leave_reason = excluded.leave_reason,
            lost_at = excluded.lost_at,
            epoch = excluded.epoch,
            accepted_at = excluded.accepted_at,
            by_word = excluded.by_word,
            heard_at = excluded.heard_at,
            media = excluded.media",
    )
    .bind(call_number)
    .bind(participant.id.to_string())
    .bind(participant.user.as_str())
    .bind(participant.name.as_str())
    .bind(participant.role.as_str())
    .bind(participant.status.as_str())
    .bind(participant.joined_at.map(|at| at.0))
    .bind(participant.left_at.map(|at| at.0))
    .bind(participant.leave_reason.map(|reason| reason.as_str()))
    .bind(participant.presence.lost_at.map(|at| at.0))
    .bind(i64::from(participant.presence.epoch.0))
    .bind(i64::from(participant.invited))
    .bind(participant.accepted_at.map(|at| at.0))
    .bind(i64::from(participant.presence.by_word))
    .bind(media_words(participant.media))
    .bind(participant.presence.heard_at.map(|at| at.0))
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Everybody who was ever in a Call or asked into it, in order of coming.
    pub async fn participants(&self, call_number: i64) -> Result<Vec<Participant>, sqlx::Error> {
        sqlx::query(select!("where p.call_id = $1 order by p.id"))
            .bind(call_number)
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(participant_from)
            .collect()
    }

    /// The same for every Call of a room whose number is in `numbers`, with the
    /// number of its Call.
    pub async fn participants_between(
        &self,
        room: &str,
        numbers: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<(i64, Participant)>, sqlx::Error> {
        sqlx::query(select!(
            "join calls c on c.id = p.call_id
             where c.room_name = $1 and c.id between $2 and $3 order by p.id"
        ))
        .bind(room)
        .bind(*numbers.start())
        .bind(*numbers.end())
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(|row| Ok((row.integer("call_id")?, participant_from(row)?)))
        .collect()
    }
}

pub(super) fn participant_from(row: &AnyRow) -> Result<Participant, sqlx::Error> {
    let epoch = decode("epoch", u32::try_from(row.integer("epoch")?))?;
    Ok(Participant {
        id: parse(row, "uuid")?,
        user: decode("user_id", UserId::try_from(row.text("user_id")?.as_str()))?,
        name: row.text("name")?,
        avatar_url: row.text_or_null("avatar_url")?,
        role: parse(row, "role")?,
        status: parse(row, "status")?,
        invited: row.flag("invited")?,
        accepted_at: row.time_or_null("accepted_at")?,
        joined_at: row.time_or_null("joined_at")?,
        left_at: row.time_or_null("left_at")?,
        leave_reason: parse_or_null(row, "leave_reason")?,
        presence: Presence {
            by_word: row.flag("by_word")?,
            heard_at: row.time_or_null("heard_at")?,
            lost_at: row.time_or_null("lost_at")?,
            epoch: Epoch(epoch),
        },
        media: media_from(&row.text("media")?)?,
    })
}

fn media_words(media: MediaState) -> String {
    media.words().collect::<Vec<_>>().join(" ")
}

fn media_from(words: &str) -> Result<MediaState, sqlx::Error> {
    let flags = words.split_ascii_whitespace().map(str::parse::<MediaFlag>);
    flags
        .into_iter()
        .try_fold(MediaState::default(), |media, flag| {
            Ok(media.with(decode("media", flag)?, true))
        })
}
