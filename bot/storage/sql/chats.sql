-- name: chats.admit
INSERT INTO chats (channel, account, chat, admitted_by, changed_ms)
VALUES (:channel, :account, :chat, :admitted_by, :now_ms)
ON CONFLICT (channel, account, chat) DO UPDATE
SET admitted_by = excluded.admitted_by, closed = NULL, changed_ms = excluded.changed_ms;

-- name: chats.dismiss
UPDATE chats SET admitted_by = NULL WHERE channel = :channel AND account = :account AND chat = :chat;

-- name: chats.close
INSERT INTO chats (channel, account, chat, closed, changed_ms)
VALUES (:channel, :account, :chat, :reason, :now_ms)
ON CONFLICT (channel, account, chat) DO UPDATE SET closed = excluded.closed, changed_ms = excluded.changed_ms;

-- name: chats.reopen
UPDATE chats SET closed = NULL
WHERE channel = :channel AND account = :account AND chat = :chat AND closed IS NOT NULL;

-- name: chats.move
INSERT INTO chats (channel, account, chat, admitted_by, moved_from, changed_ms)
VALUES (:channel, :account, :new_chat,
        (SELECT admitted_by FROM chats WHERE channel = :channel AND account = :account AND chat = :chat),
        :chat, :now_ms)
ON CONFLICT (channel, account, chat) DO UPDATE
SET admitted_by = coalesce(chats.admitted_by, excluded.admitted_by), closed = NULL,
    moved_from = excluded.moved_from, changed_ms = excluded.changed_ms;

-- name: chats.leave
DELETE FROM chats WHERE channel = :channel AND account = :account AND chat = :chat;

-- name: chats.known
SELECT channel, account, chat, admitted_by, moved_from FROM chats
WHERE admitted_by IS NOT NULL OR moved_from IS NOT NULL
ORDER BY changed_ms DESC LIMIT :most;

-- name: chats.prune
DELETE FROM chats WHERE closed IS NOT NULL AND admitted_by IS NULL AND moved_from IS NULL AND changed_ms < :before_ms;
