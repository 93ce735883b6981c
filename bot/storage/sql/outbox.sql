-- name: outbox.enqueue
INSERT INTO outbox (id, channel, account, chat, thread, kind, source_kind, source_id, part, language, payload,
                    due_ms, expires_ms, created_ms)
VALUES (:id, :channel, :account, :chat, :thread, :kind, :source_kind, :source_id, :part, :language, :payload,
        :now_ms, :expires_ms, :now_ms)
ON CONFLICT (id) DO NOTHING;

-- name: outbox.claim
UPDATE outbox SET state = 'attempting', attempts = attempts + 1
WHERE id = :id AND state = 'queued' AND due_ms <= :now_ms AND NOT EXISTS (
    SELECT 1 FROM outbox AS earlier
    WHERE earlier.channel = outbox.channel AND earlier.account = outbox.account AND earlier.chat = outbox.chat
      AND earlier.state IN ('queued', 'attempting') AND earlier.seq < outbox.seq)
RETURNING attempts;

-- name: outbox.sent
UPDATE outbox SET state = 'sent', receipt = :receipt, finished_ms = :now_ms
WHERE id = :id AND state = 'attempting';

-- name: outbox.again
UPDATE outbox SET state = 'queued', due_ms = :due_ms, reason = :reason, attempts = attempts - :uncharged,
                  duplicate = max(duplicate, :duplicate)
WHERE id = :id AND state = 'attempting';

-- name: outbox.end
UPDATE outbox SET state = :state, reason = :reason, finished_ms = :now_ms
WHERE id = :id AND state IN ('queued', 'attempting');

-- name: outbox.chat_moved
UPDATE outbox SET chat = :new_chat
WHERE channel = :channel AND account = :account AND chat = :chat AND state IN ('queued', 'attempting');

-- name: outbox.interrupted
SELECT * FROM outbox WHERE channel = :channel AND account = :account AND state = 'attempting' ORDER BY seq;

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

-- name: outbox.list
SELECT * FROM outbox WHERE (:state IS NULL OR state = :state) ORDER BY seq DESC LIMIT :most;

-- name: outbox.counts
SELECT state, count(*) AS items FROM outbox GROUP BY state;

-- name: outbox.retry
UPDATE outbox SET state = 'queued', attempts = 0, due_ms = :now_ms, expires_ms = max(expires_ms, :expires_ms),
                  duplicate = max(duplicate, state = 'unknown'), reason = NULL, finished_ms = NULL
WHERE id = :id AND state IN ('failed', 'unknown');

-- name: outbox.drop
UPDATE outbox SET state = 'failed', reason = 'dropped', finished_ms = :now_ms
WHERE id = :id AND state IN ('queued', 'unknown');

-- name: outbox.prune
DELETE FROM outbox WHERE state IN ('sent', 'failed', 'unknown') AND finished_ms < :before_ms;
