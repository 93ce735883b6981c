-- name: sessions.touch
INSERT INTO sessions (key, agent, created_ms, last_active_ms)
VALUES (:key, :agent, :now_ms, :now_ms)
ON CONFLICT (key) WHERE closed_ms IS NULL DO UPDATE SET last_active_ms = :now_ms, agent = :agent;

-- name: sessions.append
INSERT INTO messages (session_id, role, content, metadata, created_ms)
SELECT id, :role, :content, :metadata, :created_ms FROM sessions
WHERE key = :key AND closed_ms IS NULL;

-- name: sessions.close
UPDATE sessions SET closed_ms = :now_ms WHERE key = :key AND closed_ms IS NULL;

-- name: sessions.history
SELECT role, content, metadata, created_ms FROM messages
WHERE session_id = (SELECT id FROM sessions WHERE key = :key AND closed_ms IS NULL)
ORDER BY id DESC LIMIT :most;
