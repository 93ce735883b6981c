-- name: outbox.enqueue
INSERT INTO outbox (id, channel, account, chat, thread, kind, source_kind, source_id, part, language, payload,
                    due_ms, expires_ms, created_ms, state, reason, finished_ms)
SELECT :id, :channel, :account, :chat, :thread, :kind, :source_kind, :source_id, :part, :language, :payload,
       CAST(:now_ms AS BIGINT), CAST(:expires_ms AS BIGINT), CAST(:now_ms AS BIGINT),
       CASE WHEN closed IS NULL THEN 'queued' ELSE 'failed' END, closed,
       CASE WHEN closed IS NULL THEN NULL ELSE CAST(:now_ms AS BIGINT) END
FROM (SELECT 1) AS this
LEFT JOIN chats ON chats.channel = :channel AND chats.account = :account AND chats.chat = :chat
WHERE TRUE
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
UPDATE outbox SET state = 'sent', receipt = :receipt, finished_ms = :now_ms, duplicate = :duplicate
WHERE id = :id AND state = 'attempting';

-- name: outbox.again
UPDATE outbox SET state = 'queued', due_ms = :due_ms, reason = :reason, attempts = attempts - :uncharged,
                  duplicate = :duplicate
WHERE id = :id AND state = 'attempting';

-- name: outbox.end
UPDATE outbox SET state = :state, reason = :reason, finished_ms = :now_ms, duplicate = :duplicate
WHERE id = :id AND state IN ('queued', 'attempting');

-- name: outbox.chat_moved
UPDATE outbox SET chat = :new_chat
WHERE channel = :channel AND account = :account AND chat = :chat AND state IN ('queued', 'attempting');

-- name: outbox.end_chat
UPDATE outbox SET state = CASE WHEN duplicate = 1 THEN 'unknown' ELSE 'failed' END, reason = :reason, finished_ms = :now_ms
WHERE channel = :channel AND account = :account AND chat = :chat
  AND state = 'queued' AND state IN ('queued', 'attempting');

-- name: outbox.interrupted
UPDATE outbox SET state = 'queued', due_ms = :now_ms, reason = 'interrupted', attempts = attempts - 1, duplicate = 1
WHERE channel = :channel AND account = :account AND state = 'attempting' AND state IN ('queued', 'attempting')
RETURNING id;

-- name: outbox.any_waiting
SELECT 1 AS waits FROM outbox
WHERE channel = :channel AND account = :account AND state IN ('queued', 'attempting')
LIMIT 1;

-- name: outbox.chats_due
WITH RECURSIVE waiting (chat) AS (
    SELECT min(chat) FROM outbox
    WHERE channel = :channel AND account = :account AND state IN ('queued', 'attempting') AND chat > :after
    UNION ALL
    SELECT (SELECT min(chat) FROM outbox
            WHERE channel = :channel AND account = :account AND state IN ('queued', 'attempting')
              AND chat > waiting.chat)
    FROM waiting WHERE chat IS NOT NULL)
SELECT waiting.chat FROM waiting
WHERE chat IS NOT NULL AND (
    SELECT state = 'queued' AND due_ms <= :now_ms FROM outbox
    WHERE channel = :channel AND account = :account AND chat = waiting.chat AND state IN ('queued', 'attempting')
    ORDER BY seq LIMIT 1)
LIMIT :most;

-- name: outbox.chat_queue
SELECT * FROM outbox
WHERE channel = :channel AND account = :account AND chat = :chat AND state IN ('queued', 'attempting')
ORDER BY seq LIMIT :most;

-- name: outbox.find
SELECT * FROM outbox WHERE id >= :prefix AND id < :prefix || 'g' ORDER BY id LIMIT 2;

-- name: outbox.of_source
SELECT * FROM outbox WHERE source_kind = :kind AND source_id = :source_id ORDER BY part;

-- name: outbox.list
SELECT * FROM outbox ORDER BY seq DESC LIMIT :most;

-- name: outbox.list_sent
SELECT * FROM outbox WHERE state = 'sent' ORDER BY seq DESC LIMIT :most;

-- name: outbox.list_waiting
SELECT * FROM outbox WHERE state = :state AND state IN ('queued', 'attempting') ORDER BY +seq DESC LIMIT :most;

-- name: outbox.list_trouble
SELECT * FROM outbox WHERE state = :state AND state IN ('failed', 'unknown') ORDER BY seq DESC LIMIT :most;

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
DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE finished_ms < :before_ms LIMIT :most)
RETURNING seq;
