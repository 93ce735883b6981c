-- name: jobs.add
INSERT INTO jobs (
    id, name, schedule, zone, misfire, action, text, agent,
    channel, account, chat, thread, requester, language, created_ms, next_due_ms
)
SELECT
    :id, :name, :schedule, :zone, :misfire, :action, :text, :agent,
    :channel, :account, :chat, :thread, :requester, :language, :now_ms, :next_due_ms
WHERE (SELECT count(*) FROM jobs WHERE requester = :requester AND state = 'on') < :per_user;

-- name: jobs.remove
DELETE FROM jobs WHERE id = :id RETURNING id;

-- name: jobs.find
SELECT * FROM jobs WHERE substr(id, 1, length(:prefix)) = :prefix OR name = :prefix
ORDER BY CASE :prefix WHEN id THEN 0 WHEN name THEN 1 ELSE 2 END
LIMIT 2;

-- name: jobs.list
SELECT jobs.*,
    (SELECT max(finished_ms) FROM job_runs WHERE job_id = jobs.id AND state = 'done') AS last_run_ms,
    (
        SELECT max(outbox.finished_ms) FROM job_runs JOIN outbox ON outbox.id = job_runs.outbox_id
        WHERE job_runs.job_id = jobs.id AND outbox.state = 'sent'
    ) AS last_delivered_ms
FROM jobs
ORDER BY state DESC, next_due_ms, id
LIMIT :most;

-- name: jobs.list_of_chat
SELECT * FROM jobs
WHERE channel = :channel AND account = :account AND chat = :chat AND state = 'on'
ORDER BY next_due_ms, id
LIMIT :most;

-- name: jobs.count_of
SELECT count(*) AS items FROM jobs WHERE requester = :requester AND state = 'on';

-- name: jobs.next_due
SELECT min(next_due_ms) AS due_ms FROM jobs WHERE state = 'on' AND next_due_ms IS NOT NULL;

-- name: jobs.due
SELECT * FROM jobs WHERE state = 'on' AND next_due_ms <= :now_ms ORDER BY next_due_ms LIMIT :most;

-- name: jobs.advance
UPDATE jobs SET next_due_ms = :next_due_ms WHERE id = :id AND next_due_ms = :due_ms AND state = 'on';

-- name: jobs.add_run
INSERT INTO job_runs (job_id, due_ms, state) VALUES (:id, :due_ms, :state)
ON CONFLICT (job_id, due_ms) DO NOTHING;

-- One that waits already stands for this one as well.
-- name: jobs.add_run_once
INSERT INTO job_runs (job_id, due_ms, state)
SELECT :id, :due_ms, CASE WHEN EXISTS (SELECT 1 FROM job_runs WHERE job_id = :id AND state = 'waiting')
                     THEN 'skipped' ELSE 'waiting' END
WHERE TRUE
ON CONFLICT (job_id, due_ms) DO NOTHING;

-- In a moment that no other run has.
-- name: jobs.run_now
INSERT INTO job_runs (job_id, due_ms, state)
SELECT :id, COALESCE((SELECT max(due_ms) + 1 FROM job_runs WHERE job_id = :id AND due_ms >= :now_ms), :now_ms),
       'waiting';

-- name: jobs.skip_run
UPDATE job_runs SET state = 'skipped' WHERE job_id = :id AND due_ms = :due_ms AND state = 'waiting';

-- name: jobs.open_places
SELECT DISTINCT jobs.channel, jobs.account FROM job_runs JOIN jobs ON jobs.id = job_runs.job_id
WHERE job_runs.state = 'waiting'
ORDER BY jobs.channel, jobs.account;

-- name: jobs.open_runs
SELECT job_runs.due_ms, job_runs.attempts, jobs.* FROM job_runs JOIN jobs ON jobs.id = job_runs.job_id
WHERE job_runs.state = 'waiting' AND jobs.channel = :channel AND jobs.account = :account
  AND (job_runs.due_ms, job_runs.job_id) > (:after_ms, :after_id)
ORDER BY job_runs.due_ms, job_runs.job_id
LIMIT :most;

-- name: jobs.take_run
UPDATE job_runs SET state = 'running', attempts = attempts + 1, taken_ms = :now_ms, holder = :holder
WHERE job_id = :id AND due_ms = :due_ms AND state = 'waiting'
RETURNING attempts;

-- name: jobs.finish_run
UPDATE job_runs SET state = :state, finished_ms = :now_ms, outbox_id = :outbox_id
WHERE job_id = :id AND due_ms = :due_ms AND state = 'running';

-- name: jobs.requeue_interrupted
UPDATE job_runs SET state = 'waiting'
WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM members WHERE members.id = job_runs.holder);

-- name: jobs.went_well
UPDATE jobs SET
    failures = 0,
    error = NULL,
    state = CASE WHEN next_due_ms IS NULL AND state = 'on' THEN 'ended' ELSE state END
WHERE id = :id;

-- name: jobs.went_wrong
UPDATE jobs SET
    failures = failures + 1,
    error = :error,
    state = CASE
        WHEN next_due_ms IS NULL THEN 'ended'
        WHEN failures + 1 >= :most_failures THEN 'off'
        ELSE state
    END
WHERE id = :id;

-- name: jobs.skip_runs_of_switched_off
UPDATE job_runs SET state = 'skipped'
WHERE job_id = :id AND state = 'waiting' AND EXISTS (SELECT 1 FROM jobs WHERE id = :id AND state = 'off');

-- name: jobs.end_finished
UPDATE jobs SET state = 'ended' WHERE id = :id AND next_due_ms IS NULL AND state = 'on';

-- name: jobs.prune_runs
DELETE FROM job_runs WHERE due_ms < :before_ms AND state NOT IN ('waiting', 'running');

-- name: jobs.prune
DELETE FROM jobs WHERE state = 'ended' AND created_ms < :before_ms
AND NOT EXISTS (SELECT 1 FROM job_runs WHERE job_id = jobs.id);

-- name: jobs.chat_moved
UPDATE jobs SET chat = :new_chat WHERE channel = :channel AND account = :account AND chat = :chat;
