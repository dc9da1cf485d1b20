-- Events that an endpoint has not acknowledged; gone once it has.
create table webhook_deliveries (
    id integer primary key autoincrement,
    endpoint text not null,
    call_id bigint not null constraint webhook_deliveries_call
        references calls (id) on delete cascade,
    seq bigint not null,
    attempts bigint not null,
    due_at bigint not null,
    created_at bigint not null,
    constraint webhook_deliveries_event unique (endpoint, call_id, seq)
);

create index webhook_deliveries_due on webhook_deliveries (due_at);
