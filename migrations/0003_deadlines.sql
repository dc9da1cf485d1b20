-- What happens by itself when nothing happens before; fired by the scheduler.
create table deadlines (
    call_id bigint not null constraint deadlines_call
        references calls (id) on delete cascade,
    kind text not null,
    -- UUID of the participant that it is about, empty for the call itself.
    subject text not null,
    due_at bigint not null,
    primary key (call_id, kind, subject)
);

create index deadlines_due on deadlines (due_at);

-- When each server was last alive, so that a crash has a time.
create table servers (
    name text not null primary key,
    alive_at bigint not null
);
