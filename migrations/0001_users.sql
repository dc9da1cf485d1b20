-- Users as the host application names them: provisioned by its backend, seen in a
-- token, or a guest.
create table users (
    id text not null primary key,
    name text not null,
    username text,
    email text,
    avatar_url text,
    role text,
    guest bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);

-- Chats of the host application, direct ones and rooms, that calls grow out of.
create table chats (
    id text not null primary key,
    name text,
    created_at bigint not null,
    updated_at bigint not null
);

create table chat_members (
    chat_id text not null constraint chat_members_chat
        references chats (id) on delete cascade,
    user_id text not null constraint chat_members_user
        references users (id) on delete cascade,
    primary key (chat_id, user_id)
);

create index chat_members_of_user on chat_members (user_id, chat_id);

create table appointments (
    id text not null primary key,
    doctor_id text not null constraint appointments_doctor references users (id),
    patient_id text not null constraint appointments_patient references users (id),
    -- As the host application writes them.
    appointment_date text not null,
    start_time text not null,
    end_time text not null,
    status text not null,
    -- The same as points in time.
    starts_at bigint not null,
    ends_at bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);

create index appointments_of_doctor on appointments (doctor_id);
create index appointments_of_patient on appointments (patient_id);
