-- name: outbox.enqueue
INSERT INTO outbox (id, channel, account, chat, thread, kind, source_kind, source_id, part, language, payload,
                    due_ms, expires_ms, created_ms, state, reason, finished_ms)
VALUES (:id, :channel, :account, :chat, :thread, :kind, :source_kind, :source_id, :part, :language, :payload,
        :now_ms, :expires_ms, :now_ms,
        CASE WHEN EXISTS (SELECT 1 FROM chats WHERE chats.channel = :channel AND chats.account = :account
                          AND chats.chat = :chat AND closed IS NOT NULL) THEN 'failed' ELSE 'queued' END,
        (SELECT closed FROM chats WHERE chats.channel = :channel AND chats.account = :account AND chats.chat = :chat),
        (SELECT :now_ms FROM chats WHERE chats.channel = :channel AND chats.account = :account
         AND chats.chat = :chat AND closed IS NOT NULL))
ON CONFLICT (id) DO NOTHING;

-- name: outbox.enqueue_as
INSERT INTO outbox (id, channel, account, chat, thread, kind, source_kind, source_id, part, language, payload,
                    due_ms, expires_ms, created_ms, state, reason, attempts, duplicate, finished_ms)
VALUES (:id, :channel, :account, :chat, :thread, :kind, :source_kind, :source_id, :part, :language, :payload,
        :due_ms, :expires_ms, :created_ms, :state, :reason, :attempts, :duplicate, :finished_ms)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: outbox.claim
UPDATE outbox SET state = 'attempting', attempts = attempts + 1,
                  attempted_ms = CASE WHEN duplicate = 1 THEN attempted_ms ELSE :now_ms END
WHERE id = :id AND state = 'queued' AND due_ms <= :now_ms AND NOT EXISTS (
    SELECT 1 FROM outbox AS earlier
    WHERE earlier.channel = outbox.channel AND earlier.account = outbox.account AND earlier.chat = outbox.chat
      AND earlier.state IN ('queued', 'attempting') AND earlier.seq < outbox.seq)
RETURNING attempts, duplicate, attempted_ms;

-- name: outbox.sent
UPDATE outbox SET state = 'sent', receipt = :receipt, finished_ms = :now_ms
WHERE id = :id AND state = 'attempting';

-- name: outbox.again
UPDATE outbox SET state = 'queued', due_ms = :due_ms, reason = :reason, attempts = attempts - :uncharged,
                  duplicate = :duplicate
WHERE id = :id AND state = 'attempting';

-- name: outbox.end
UPDATE outbox SET state = :state, reason = :reason, finished_ms = :now_ms
WHERE id = :id AND state IN ('queued', 'attempting');

-- name: outbox.chat_moved
UPDATE outbox SET chat = :new_chat
WHERE channel = :channel AND account = :account AND chat = :chat AND state IN ('queued', 'attempting');

-- name: outbox.end_chat
UPDATE outbox SET state = 'failed', reason = :reason, finished_ms = :now_ms
WHERE channel = :channel AND account = :account AND chat = :chat AND state = 'queued';

-- name: outbox.interrupted
UPDATE outbox SET state = 'queued', due_ms = :now_ms, reason = 'interrupted', attempts = attempts - 1, duplicate = 1
WHERE channel = :channel AND account = :account AND state = 'attempting'
RETURNING id;

-- name: outbox.chats_due
SELECT chat FROM outbox
WHERE channel = :channel AND account = :account AND state = 'queued' AND due_ms <= :now_ms AND NOT EXISTS (
    SELECT 1 FROM outbox AS earlier
    WHERE earlier.channel = outbox.channel AND earlier.account = outbox.account AND earlier.chat = outbox.chat
      AND earlier.state IN ('queued', 'attempting') AND earlier.seq < outbox.seq)
ORDER BY seq LIMIT :most;

-- name: outbox.chat_queue
SELECT * FROM outbox
WHERE channel = :channel AND account = :account AND chat = :chat AND state IN ('queued', 'attempting')
ORDER BY seq LIMIT :most;

-- name: outbox.find
SELECT * FROM outbox WHERE id LIKE :prefix || '%' ORDER BY seq LIMIT 2;

-- name: outbox.of_source
SELECT * FROM outbox WHERE source_kind = :kind AND source_id = :source_id ORDER BY part;

-- name: outbox.list
SELECT * FROM outbox WHERE (:state IS NULL OR state = :state) ORDER BY seq DESC LIMIT :most;

-- name: outbox.counts
SELECT state, count(*) AS items FROM outbox GROUP BY state;

-- name: outbox.retry
UPDATE outbox SET state = 'queued', attempts = 0, due_ms = :now_ms,
                  expires_ms = CASE WHEN expires_ms > :expires_ms THEN expires_ms ELSE :expires_ms END,
                  duplicate = CASE WHEN state = 'unknown' THEN 1 ELSE duplicate END,
                  attempted_ms = NULL, reason = NULL, finished_ms = NULL
WHERE id = :id AND state IN ('failed', 'unknown');

-- name: outbox.drop
UPDATE outbox SET state = 'failed', reason = 'dropped', finished_ms = :now_ms
WHERE id = :id AND state IN ('queued', 'unknown');

-- name: outbox.prune
DELETE FROM outbox WHERE state IN ('sent', 'failed', 'unknown') AND finished_ms < :before_ms;
