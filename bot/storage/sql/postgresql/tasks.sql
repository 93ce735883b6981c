-- name: tasks.claim_next
UPDATE tasks SET state = 'running', started_ms = :now_ms, attempt = attempt + 1, holder = :holder
WHERE id = (SELECT id FROM tasks WHERE state = 'queued' ORDER BY rank_ms LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;
