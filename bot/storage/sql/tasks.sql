-- name: tasks.create
INSERT INTO tasks (id, name, prompt, model, temperature, priority, rank_ms, requester, channel, account, chat, thread,
                   reply_to, language, runner, webhook_url, agent, images, state, attempt, started_ms, created_ms)
SELECT :id, :name, :prompt, :model, :temperature, :priority, :rank_ms, :requester, :channel, :account, :chat, :thread,
       :reply_to, :language, :runner, :webhook_url, :agent, :images, :state, :attempt, :started_ms, :created_ms
WHERE (SELECT count(*) FROM tasks WHERE requester = :requester AND state IN ('queued', 'running')) < :per_user
  AND (SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')) < :most;

-- name: tasks.claim_next
UPDATE tasks SET state = 'running', started_ms = :now_ms, attempt = attempt + 1, holder = :holder
WHERE id = (SELECT id FROM tasks WHERE state = 'queued' ORDER BY rank_ms LIMIT 1) AND state = 'queued'
RETURNING *;

-- name: tasks.finish
UPDATE tasks SET state = :state, finished_ms = :now_ms, output = :output, error = :error, answered_by = :answered_by,
                 prompt_tokens = prompt_tokens + :prompt_tokens,
                 completion_tokens = completion_tokens + :completion_tokens,
                 total_tokens = total_tokens + :total_tokens, stale_file = 1
WHERE id = :id AND state = 'running' AND attempt = :attempt;

-- name: tasks.cancel
UPDATE tasks SET state = 'cancelled', finished_ms = :now_ms, stale_file = 1,
                 attempt = CASE state WHEN 'queued' THEN attempt + 1 ELSE attempt END
WHERE id = :id AND state IN ('queued', 'running')
RETURNING *;

-- name: tasks.retry
UPDATE tasks SET state = CASE runner WHEN 'external' THEN 'running' ELSE 'queued' END,
                 attempt = CASE runner WHEN 'external' THEN attempt + 1 ELSE attempt END,
                 started_ms = CASE runner WHEN 'external' THEN CAST(:now_ms AS BIGINT) END,
                 rank_ms = :rank_ms, finished_ms = NULL, output = NULL, error = NULL, crashes = 0, acknowledged = 0
WHERE id = :id AND state IN ('failed', 'timed_out', 'cancelled', 'succeeded')
  AND (CAST(:per_user AS BIGINT) IS NULL OR :per_user > (
      SELECT count(*) FROM tasks AS theirs
      WHERE theirs.requester = tasks.requester AND theirs.state IN ('queued', 'running')))
  AND (CAST(:most AS BIGINT) IS NULL OR :most > (
      SELECT count(*) FROM tasks AS every WHERE every.state IN ('queued', 'running')))
RETURNING *;

-- name: tasks.requeue_interrupted
UPDATE tasks SET state = 'queued', started_ms = NULL, crashes = crashes + 1
WHERE state = 'running' AND runner = 'house' AND crashes < :most_crashes
  AND NOT EXISTS (SELECT 1 FROM members WHERE members.id = tasks.holder);

-- name: tasks.fail_interrupted
UPDATE tasks SET state = 'failed', finished_ms = :now_ms, error = 'interrupted', stale_file = 1
WHERE state = 'running' AND runner = 'house' AND NOT EXISTS (SELECT 1 FROM members WHERE members.id = tasks.holder);

-- name: tasks.acknowledge
UPDATE tasks SET acknowledged = 1, stale_file = 1
WHERE id = :id AND attempt = :attempt AND finished_ms IS NOT NULL AND acknowledged = 0;

-- `channel || ''` keeps SQLite off the index by chat, which holds every task there ever was.
-- name: tasks.unreported_places
SELECT DISTINCT channel || '' AS channel, account FROM tasks
WHERE finished_ms >= :since_ms AND acknowledged = 0 AND channel IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE source_kind = 'task' AND source_id = tasks.id || ':' || tasks.attempt);

-- name: tasks.unreported
SELECT * FROM tasks
WHERE finished_ms >= :since_ms AND acknowledged = 0 AND channel IS NOT NULL AND channel || '' = :channel
  AND account = :account AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE source_kind = 'task' AND source_id = tasks.id || ':' || tasks.attempt)
ORDER BY finished_ms LIMIT :most;

-- name: tasks.pending
SELECT * FROM tasks WHERE id IN (
    SELECT id FROM tasks WHERE state IN ('queued', 'running')
    UNION ALL
    SELECT id FROM tasks WHERE finished_ms >= :since_ms AND acknowledged = 0 AND channel IS NOT NULL)
ORDER BY created_ms LIMIT :most;

-- name: tasks.unposted
SELECT * FROM tasks
WHERE finished_ms IS NOT NULL AND webhook_url IS NOT NULL AND (posted_attempt IS NULL OR posted_attempt <> attempt)
ORDER BY finished_ms LIMIT :most;

-- name: tasks.posted
UPDATE tasks SET posted_attempt = :attempt WHERE id = :id;

-- name: tasks.overdue
SELECT * FROM tasks WHERE state = 'running' AND runner = 'external' AND started_ms < :before_ms
ORDER BY started_ms LIMIT :most;

-- name: tasks.stale_files
SELECT * FROM tasks WHERE stale_file = 1 AND finished_ms IS NOT NULL ORDER BY finished_ms LIMIT :most;

-- name: tasks.file_written
UPDATE tasks SET stale_file = 0
WHERE id = :id AND acknowledged = :acknowledged AND attempt = :attempt AND state = :state
  AND COALESCE(finished_ms, 0) = :finished_ms;

-- name: tasks.latest
SELECT * FROM tasks WHERE finished_ms IS NOT NULL ORDER BY finished_ms DESC LIMIT 1;

-- name: tasks.ended
SELECT * FROM tasks WHERE finished_ms IS NOT NULL AND id > :after ORDER BY id LIMIT :most;

-- name: tasks.mark_stale
UPDATE tasks SET stale_file = 1 WHERE id = :id;

-- name: tasks.chat_moved
UPDATE tasks SET chat = :new_chat WHERE channel = :channel AND account = :account AND chat = :chat;

-- name: tasks.get
SELECT * FROM tasks WHERE id = :id;

-- name: tasks.ended_attempt
SELECT attempt FROM tasks WHERE id = :id AND finished_ms IS NOT NULL;

-- name: tasks.find
SELECT * FROM tasks WHERE id LIKE :prefix || '%' ORDER BY created_ms LIMIT 2;

-- name: tasks.list
SELECT * FROM tasks WHERE (CAST(:state AS TEXT) IS NULL OR state = :state) ORDER BY created_ms DESC LIMIT :most;

-- name: tasks.list_of_chat
SELECT * FROM tasks WHERE channel = :channel AND account = :account AND chat = :chat
ORDER BY created_ms DESC LIMIT :most;

-- name: tasks.counts
SELECT state, count(*) AS items FROM tasks WHERE state IN ('queued', 'running') GROUP BY state;

-- name: tasks.keep_image
INSERT INTO task_images (task_id, number, content) VALUES (:task_id, :number, :content);

-- name: tasks.images
SELECT content FROM task_images WHERE task_id = :task_id ORDER BY number;

-- name: tasks.forget_images
DELETE FROM task_images WHERE task_id IN (
    SELECT task_images.task_id FROM task_images JOIN tasks ON tasks.id = task_images.task_id
    WHERE finished_ms < :before_ms LIMIT :most)
RETURNING task_id;
