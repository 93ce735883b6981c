-- name: inbox.store
INSERT INTO inbox (channel, account, update_id, raw, received_ms)
VALUES (:channel, :account, :update_id, :raw, :now_ms)
ON CONFLICT (channel, account, update_id) DO NOTHING
RETURNING id;

-- name: inbox.begin
UPDATE inbox SET attempts = attempts + 1
WHERE id = :id AND state = 'stored'
RETURNING attempts;

-- name: inbox.forgive
UPDATE inbox SET attempts = attempts - 1
WHERE id = :id AND state = 'stored' AND attempts > 0;

-- name: inbox.show
UPDATE inbox SET drafts = :drafts
WHERE id = :id AND state = 'stored';

-- name: inbox.finish
UPDATE inbox SET state = :state, reason = :reason, finished_ms = :now_ms
WHERE id = :id AND state = 'stored';

-- name: inbox.ended
SELECT finished_ms FROM inbox
WHERE channel = :channel AND account = :account AND update_id = :update_id AND state <> 'stored';

-- name: inbox.waiting
SELECT id, channel, account, update_id, raw, attempts, drafts FROM inbox
WHERE channel = :channel AND account = :account AND state = 'stored' AND id > :after
ORDER BY id LIMIT :most;

-- name: inbox.waiting_count
SELECT count(*) AS waiting FROM inbox WHERE state = 'stored';

-- name: inbox.set_aside_count
SELECT count(*) AS set_aside FROM inbox WHERE state = 'quarantined';

-- name: inbox.prune
DELETE FROM inbox WHERE id IN (
    SELECT id FROM inbox WHERE state <> 'stored' AND finished_ms < :before_ms LIMIT :most)
RETURNING id;
