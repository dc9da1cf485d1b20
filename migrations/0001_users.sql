-- Users as the host application's tokens name them; seen in a token, or a guest.
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

-- Chats that calls grow out of.
create table chats (
    id integer primary key autoincrement,
    name text,
    created_at bigint not null
);
