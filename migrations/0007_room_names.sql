-- To a Jitsi, rooms whose names differ in case alone are one.
create index calls_room_in_any_case on calls (lower(room_name), id);
-- And so are the appointments that such names name.
create index appointments_in_any_case on appointments (lower(id));
