-- What a call leaves behind in its chat.
create table chat_messages (
    id integer primary key autoincrement,
    chat_id text not null constraint chat_messages_chat
        references chats (id) on delete cascade,
    call_id bigint not null constraint chat_messages_call
        references calls (id) on delete cascade,
    kind text not null,
    -- JSON.
    body text not null,
    created_at bigint not null
);

create index chat_messages_of_chat on chat_messages (chat_id, id);

-- What a user is told even when offline at the time.
create table notifications (
    id integer primary key autoincrement,
    user_id text not null constraint notifications_user
        references users (id) on delete cascade,
    call_id bigint not null constraint notifications_call
        references calls (id) on delete cascade,
    kind text not null,
    created_at bigint not null,
    read_at bigint
);

create index notifications_of_user on notifications (user_id, id);
