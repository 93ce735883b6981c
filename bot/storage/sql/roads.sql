-- name: roads.record
INSERT INTO roads (id, channel, account, update_id, chat, message_id, sender, session_key, agent, state, reason, steps,
                   began_ms, ended_ms)
VALUES (:id, :channel, :account, :update_id, :chat, :message_id, :sender, :session_key, :agent, :state, :reason, :steps,
        :began_ms, :ended_ms)
ON CONFLICT (id) DO NOTHING;

-- For what never was in the inbox: a row there gives the road its number.
-- name: roads.pass_by
INSERT INTO inbox (channel, account, update_id, raw, state, reason, attempts, received_ms, finished_ms)
VALUES (:channel, :account, :update_id, '{}', 'done', :reason, 1, :began_ms, :ended_ms);

-- name: roads.record_passing
INSERT INTO roads (id, channel, account, update_id, chat, message_id, sender, session_key, agent, state, reason, steps,
                   began_ms, ended_ms)
SELECT id, channel, account, update_id, :chat, :message_id, :sender, :session_key, :agent, state, reason, :steps,
       received_ms, finished_ms
FROM inbox WHERE channel = :channel AND account = :account AND update_id = :update_id;

-- name: roads.of_update
SELECT * FROM roads
WHERE id = (SELECT id FROM inbox WHERE channel = :channel AND account = :account AND update_id = :update_id);

-- name: roads.of_message
SELECT * FROM roads
WHERE message_id = :message_id AND (channel = :channel OR :channel IS NULL) AND (chat = :chat OR :chat IS NULL)
ORDER BY id DESC LIMIT :most;

-- name: roads.of_task
SELECT roads.*, attempt FROM tasks JOIN roads ON roads.message_id = tasks.reply_to AND roads.channel = tasks.channel
    AND roads.account = tasks.account AND roads.chat = tasks.chat
WHERE tasks.id = :task_id ORDER BY roads.id LIMIT 1;

-- name: roads.of_sender
SELECT * FROM roads WHERE channel = :channel AND account = :account AND chat = :chat AND sender = :sender
ORDER BY id DESC LIMIT 1;

-- name: roads.newest
SELECT * FROM roads WHERE state = :state OR :state IS NULL ORDER BY id DESC LIMIT :most;

-- What the platform calls a message of ours leads to what it came from.
-- name: roads.sources_of_receipt
SELECT source_kind, source_id, channel, account, chat, min(created_ms) AS created_ms FROM outbox
WHERE receipt = :message_id AND (channel = :channel OR :channel IS NULL) AND (chat = :chat OR :chat IS NULL)
GROUP BY source_kind, source_id, channel, account, chat LIMIT :most;

-- name: roads.sources_of_delivery
SELECT source_kind, source_id, channel, account, chat, created_ms FROM outbox
WHERE id LIKE :prefix || '%' LIMIT 2;

-- name: roads.deliveries
SELECT id, part, state, reason, attempts, receipt, created_ms, finished_ms FROM outbox
WHERE source_kind = :kind AND source_id = :source_id ORDER BY seq;

-- name: roads.of_inbox
SELECT id, channel, account, update_id, state, reason, attempts, received_ms, finished_ms FROM inbox
WHERE channel = :channel AND account = :account AND update_id = :update_id;

-- The oldest stand first: no index is kept for what is asked once an hour.
-- name: roads.prune
DELETE FROM roads WHERE ended_ms < :before_ms AND id IN (SELECT id FROM roads ORDER BY id LIMIT :most)
RETURNING id;
