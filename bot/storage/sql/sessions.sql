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

-- A chat has a new id: its sessions go along. Where the new id has a session already, what was said there is added
-- to the older one. `old_part` and `new_part` are `:<channel>:<kind>:<chat>` of their keys.
-- name: sessions.merge_moved
UPDATE messages SET session_id = (
    SELECT old.id FROM sessions AS new
    JOIN sessions AS old ON old.key = replace(new.key, :new_part, :old_part) AND old.closed_ms IS NULL
    WHERE new.id = messages.session_id)
WHERE session_id IN (
    SELECT new.id FROM sessions AS new
    JOIN sessions AS old ON old.key = replace(new.key, :new_part, :old_part) AND old.closed_ms IS NULL
    WHERE new.closed_ms IS NULL AND (new.key LIKE '%' || :new_part OR new.key LIKE '%' || :new_part || ':%'));

-- name: sessions.drop_merged
DELETE FROM sessions
WHERE closed_ms IS NULL AND (key LIKE '%' || :new_part OR key LIKE '%' || :new_part || ':%') AND EXISTS (
    SELECT 1 FROM sessions AS old
    WHERE old.key = replace(sessions.key, :new_part, :old_part) AND old.closed_ms IS NULL);

-- name: sessions.move
UPDATE sessions SET key = replace(key, :old_part, :new_part)
WHERE key LIKE '%' || :old_part OR key LIKE '%' || :old_part || ':%';

-- name: sessions.list
SELECT key, agent, created_ms, last_active_ms,
       (SELECT count(*) FROM messages WHERE session_id = sessions.id) AS messages
FROM sessions WHERE closed_ms IS NULL ORDER BY last_active_ms DESC LIMIT :most;

-- name: sessions.delete
DELETE FROM sessions WHERE key = :key;
