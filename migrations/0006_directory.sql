-- When the host removed them; the rows stay for the calls that name them.
alter table users add column deleted_at bigint;
alter table chats add column deleted_at bigint;
