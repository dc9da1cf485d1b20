create table calls (
    id integer primary key autoincrement,
    uuid text not null constraint calls_uuid unique,
    room_name text not null,
    kind text not null,
    mode text not null,
    backend text not null,
    origin text not null,
    -- What it grew out of: an appointment's id.
    origin_id text,
    chat_id text constraint calls_chat references chats (id),
    title text,
    -- Who may enter: everybody who knows the room, or the members alone.
    admission text not null,
    password_hash text,
    recording_allowed bigint not null,
    -- Whether it is being recorded.
    recording bigint not null,
    initiated_by text constraint calls_initiated_by references users (id),
    status text not null constraint calls_status
        check (status in ('scheduled', 'pending', 'ongoing', 'ended')),
    end_reason text,
    created_at bigint not null,
    scheduled_at bigint,
    -- When the ring stops by itself.
    rings_until bigint,
    started_at bigint,
    -- When a second user came.
    answered_at bigint,
    ended_at bigint,
    last_left_at bigint,
    -- Whole seconds from the start to the end.
    duration bigint,
    updated_at bigint not null,
    -- Number of the last row of call_events.
    last_event bigint not null,
    -- Written first by every transition, which makes the row its lock.
    version bigint not null,
    constraint calls_ended check ((status = 'ended') = (ended_at is not null))
);

-- One call at a time in a room.
create unique index calls_live_room on calls (room_name)
    where status in ('scheduled', 'pending', 'ongoing');
-- One call at a time in a chat room.
create unique index calls_live_chat_room on calls (chat_id)
    where origin = 'chat_room' and status in ('scheduled', 'pending', 'ongoing');
create index calls_status on calls (status, id);
create index calls_room on calls (room_name, id);
create index calls_updated on calls (updated_at);
create index calls_chat on calls (chat_id, id) where chat_id is not null;
-- An appointment has one call.
create unique index calls_origin on calls (origin, origin_id) where origin_id is not null;

-- One row for each device that was in a call, or user that was asked into it.
create table call_participants (
    id integer primary key autoincrement,
    uuid text not null constraint call_participants_uuid unique,
    call_id bigint not null constraint call_participants_call
        references calls (id) on delete cascade,
    user_id text not null constraint call_participants_user references users (id),
    name text not null,
    role text not null,
    status text not null constraint call_participants_status
        check (status in ('invited', 'ringing', 'joined', 'left', 'declined', 'missed')),
    -- A member of the call, whether it ever comes or not.
    invited bigint not null,
    accepted_at bigint,
    joined_at bigint,
    left_at bigint,
    leave_reason text,
    -- Present by its word alone, without a session of its own.
    by_word bigint not null,
    -- Since when its session is gone, while it may return.
    lost_at bigint,
    -- Counts its attachments to sessions.
    epoch bigint not null,
    -- Words of what it says of its media: 'mic_muted camera_off'.
    media text not null,
    constraint call_participants_left
        check ((status = 'left') = (left_at is not null) and left_at >= joined_at)
);

create index call_participants_status_of on call_participants (call_id, status);
create index call_participants_of_user on call_participants (user_id, call_id);

-- What happened, in order; written with the state it tells of, never changed.
create table call_events (
    id integer primary key autoincrement,
    call_id bigint not null constraint call_events_call
        references calls (id) on delete cascade,
    seq bigint not null,
    event_type text not null,
    user_id text constraint call_events_user references users (id),
    participant_uuid text,
    event_data text,
    created_at bigint not null,
    constraint call_events_seq unique (call_id, seq)
);

-- What was recorded, where it lies; a call may have several.
create table recordings (
    id integer primary key autoincrement,
    call_id bigint not null constraint recordings_call
        references calls (id) on delete cascade,
    added_by text constraint recordings_added_by references users (id),
    url text not null,
    -- Bytes.
    size bigint,
    -- Seconds.
    duration bigint,
    format text,
    created_at bigint not null
);

create index recordings_of_call on recordings (call_id, id);
