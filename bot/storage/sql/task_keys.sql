-- name: task_keys.first
INSERT INTO task_keys (task_id, number, secret, created_ms) VALUES (:task_id, 1, :secret, :now_ms);

-- name: task_keys.next
INSERT INTO task_keys (task_id, number, secret, created_ms)
SELECT task_id, max(number) + 1, :secret, :now_ms FROM task_keys WHERE task_id = :task_id GROUP BY task_id;

-- name: task_keys.retire
DELETE FROM task_keys
WHERE task_id = :task_id AND number < (SELECT max(number) FROM task_keys WHERE task_id = :task_id) - 1;

-- name: task_keys.live
SELECT secret FROM task_keys WHERE task_id = :task_id ORDER BY number DESC;

-- name: task_keys.live_of_runner
SELECT secret FROM task_keys JOIN tasks ON tasks.id = task_keys.task_id
WHERE task_id = :task_id AND tasks.runner = 'external' ORDER BY number DESC;

-- name: task_keys.take_nonce
INSERT INTO webhook_nonces (task_id, nonce, digest, received_ms) VALUES (:task_id, :nonce, :digest, :now_ms)
ON CONFLICT (task_id, nonce) DO NOTHING;

-- name: task_keys.nonce
SELECT digest FROM webhook_nonces WHERE task_id = :task_id AND nonce = :nonce;

-- name: task_keys.prune_nonces
DELETE FROM webhook_nonces WHERE received_ms < :before_ms;
