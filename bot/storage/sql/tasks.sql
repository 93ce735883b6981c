-- name: tasks.create
INSERT INTO tasks (id, name, prompt, model, temperature, priority, rank_ms, requester, channel, account, chat, thread,
                   reply_to, language, created_ms)
SELECT :id, :name, :prompt, :model, :temperature, :priority, :rank_ms, :requester, :channel, :account, :chat, :thread,
       :reply_to, :language, :created_ms
WHERE (SELECT count(*) FROM tasks WHERE requester = :requester AND state IN ('queued', 'running')) < :per_user;

-- name: tasks.claim_next
UPDATE tasks SET state = 'running', started_ms = :now_ms, attempt = attempt + 1
WHERE id = (SELECT id FROM tasks WHERE state = 'queued' ORDER BY rank_ms LIMIT 1) AND state = 'queued'
RETURNING *;

-- name: tasks.claim
UPDATE tasks SET state = 'running', started_ms = :now_ms, attempt = attempt + 1
WHERE id = :id AND state = 'queued'
RETURNING *;

-- name: tasks.finish
UPDATE tasks SET state = :state, finished_ms = :now_ms, output = :output, error = :error, answered_by = :answered_by,
                 prompt_tokens = prompt_tokens + :prompt_tokens,
                 completion_tokens = completion_tokens + :completion_tokens,
                 total_tokens = total_tokens + :total_tokens, stale_file = 1
WHERE id = :id AND state = 'running' AND attempt = :attempt;

-- name: tasks.cancel
UPDATE tasks SET state = 'cancelled', finished_ms = :now_ms, stale_file = 1
WHERE id = :id AND state IN ('queued', 'running')
RETURNING *;

-- name: tasks.retry
UPDATE tasks SET state = 'queued', rank_ms = :rank_ms, started_ms = NULL, finished_ms = NULL, output = NULL,
                 error = NULL, crashes = 0, acknowledged = 0
WHERE id = :id AND state IN ('failed', 'timed_out', 'cancelled', 'succeeded')
RETURNING *;

-- name: tasks.requeue_interrupted
UPDATE tasks SET state = 'queued', started_ms = NULL, crashes = crashes + 1
WHERE state = 'running' AND crashes < :most_crashes;

-- name: tasks.fail_interrupted
UPDATE tasks SET state = 'failed', finished_ms = :now_ms, error = 'interrupted', stale_file = 1
WHERE state = 'running';

-- name: tasks.acknowledge
UPDATE tasks SET acknowledged = 1, stale_file = 1 WHERE id = :id AND finished_ms IS NOT NULL AND acknowledged = 0;

-- name: tasks.unreported
SELECT * FROM tasks
WHERE finished_ms IS NOT NULL AND acknowledged = 0 AND channel IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE source_kind = 'task' AND source_id = tasks.id || ':' || tasks.attempt)
ORDER BY finished_ms LIMIT :most;

-- name: tasks.stale_files
SELECT * FROM tasks WHERE stale_file = 1 ORDER BY finished_ms LIMIT :most;

-- name: tasks.file_written
UPDATE tasks SET stale_file = 0 WHERE id = :id AND acknowledged = :acknowledged AND attempt = :attempt;

-- name: tasks.latest
SELECT * FROM tasks WHERE finished_ms IS NOT NULL ORDER BY finished_ms DESC LIMIT 1;

-- name: tasks.chat_moved
UPDATE tasks SET chat = :new_chat WHERE channel = :channel AND account = :account AND chat = :chat;

-- name: tasks.get
SELECT * FROM tasks WHERE id = :id;

-- name: tasks.find
SELECT * FROM tasks WHERE id LIKE :prefix || '%' ORDER BY created_ms LIMIT 2;

-- name: tasks.list
SELECT * FROM tasks WHERE (:state IS NULL OR state = :state) ORDER BY created_ms DESC LIMIT :most;

-- name: tasks.list_of_chat
SELECT * FROM tasks WHERE channel = :channel AND account = :account AND chat = :chat
ORDER BY created_ms DESC LIMIT :most;

-- name: tasks.counts
SELECT state, count(*) AS items FROM tasks WHERE state IN ('queued', 'running') GROUP BY state;
