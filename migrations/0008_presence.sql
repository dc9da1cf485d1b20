-- Of one that is present by its word and that nothing here holds: when it last gave a
-- sign of life.
alter table call_participants add column heard_at bigint;

-- Who is in a call now, of all that a user ever was in.
create index call_participants_present on call_participants (user_id, call_id)
    where status = 'joined';
