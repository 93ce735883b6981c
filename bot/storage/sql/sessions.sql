-- name: sessions.touch
INSERT INTO sessions (key, agent, created_ms, last_active_ms, messages)
VALUES (:key, :agent, :now_ms, :now_ms, :added)
ON CONFLICT (key) WHERE closed_ms IS NULL DO UPDATE
SET last_active_ms = :now_ms, agent = :agent, messages = sessions.messages + :added;

-- name: sessions.append
INSERT INTO messages (session_id, role, content, metadata, created_ms)
SELECT id, :role, :content, :metadata, :created_ms FROM sessions
WHERE key = :key AND closed_ms IS NULL;

-- The session of a conversation that is about to end, opened if there is none.
-- name: sessions.open
INSERT INTO sessions (key, agent, created_ms, last_active_ms)
VALUES (:key, :agent, :now_ms, :now_ms)
ON CONFLICT (key) WHERE closed_ms IS NULL DO UPDATE SET key = sessions.key
RETURNING id;

-- What was said in a session that may have ended since. One that is gone without having been deleted was added to an
-- older one, see sessions.merge_moved.
-- name: sessions.touch_that
UPDATE sessions SET last_active_ms = :now_ms, agent = :agent, messages = messages + :added
WHERE stage = 'whole' AND id = COALESCE(
    (SELECT that.id FROM sessions AS that WHERE that.id = :session_id),
    (SELECT older.id FROM sessions AS older
     WHERE older.key = :key AND older.closed_ms IS NULL AND older.id < :session_id));

-- Its file may be written already.
-- name: sessions.open_late
INSERT INTO sessions (key, agent, created_ms, last_active_ms, closed_ms, messages)
SELECT key, :agent, :now_ms, :now_ms, :now_ms, :added FROM sessions WHERE id = :session_id AND stage <> 'whole';

-- name: sessions.append_there
INSERT INTO messages (session_id, role, content, metadata, created_ms)
SELECT id, :role, :content, :metadata, :created_ms FROM sessions WHERE id = COALESCE(
    (SELECT CASE that.stage WHEN 'whole' THEN that.id ELSE (
        SELECT max(late.id) FROM sessions AS late
        WHERE late.key = that.key AND late.closed_ms IS NOT NULL AND late.stage = 'whole') END
     FROM sessions AS that WHERE that.id = :session_id),
    (SELECT older.id FROM sessions AS older
     WHERE older.key = :key AND older.closed_ms IS NULL AND older.id < :session_id));

-- name: sessions.close
UPDATE sessions SET closed_ms = :now_ms WHERE key = :key AND closed_ms IS NULL;

-- name: sessions.close_idle
UPDATE sessions SET closed_ms = :now_ms WHERE closed_ms IS NULL AND id IN (
    SELECT id FROM sessions WHERE closed_ms IS NULL AND last_active_ms < :before_ms
    ORDER BY last_active_ms LIMIT :most);

-- name: sessions.history
SELECT role, content, metadata, created_ms FROM messages
WHERE session_id = (SELECT id FROM sessions WHERE key = :key AND closed_ms IS NULL)
ORDER BY id DESC LIMIT :most;

-- What an agent reads: the summary of the old part, then the newest records behind it.
-- name: sessions.recall
SELECT 0 AS id, 'system' AS role, summary AS content, '{"summary": true}' AS metadata, last_active_ms AS created_ms,
    id AS session_id
FROM sessions WHERE summary IS NOT NULL AND id = COALESCE(
    CAST(:session_id AS BIGINT), (SELECT id FROM sessions WHERE key = :key AND closed_ms IS NULL))
UNION ALL
SELECT * FROM (
    SELECT messages.id, role, content, metadata, messages.created_ms, session_id
    FROM messages JOIN sessions ON sessions.id = session_id
    WHERE messages.id > summary_upto AND session_id = COALESCE(
        CAST(:session_id AS BIGINT), (SELECT id FROM sessions WHERE key = :key AND closed_ms IS NULL))
    ORDER BY messages.id DESC LIMIT :most) AS newest
ORDER BY 1 DESC;

-- name: sessions.tail
SELECT messages.id, role, content, metadata, messages.created_ms, session_id, summary, summary_upto
FROM messages JOIN sessions ON sessions.id = session_id
WHERE session_id = (SELECT id FROM sessions WHERE key = :key AND closed_ms IS NULL) AND messages.id > summary_upto
ORDER BY messages.id DESC LIMIT :most;

-- name: sessions.summarise
UPDATE sessions SET summary = :summary, summary_upto = :upto
WHERE id = :session_id AND summary_upto = :before AND stage = 'whole';

-- name: sessions.last
SELECT role, content, metadata, created_ms FROM messages WHERE session_id = :session_id ORDER BY id DESC LIMIT :most;

-- name: sessions.page
SELECT id, role, content, metadata, created_ms FROM messages
WHERE session_id = :session_id AND id > :after ORDER BY id LIMIT :most;

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
UPDATE sessions SET key = replace(key, :old_part, :new_part), messages = CASE WHEN closed_ms IS NULL
    THEN (SELECT count(*) FROM messages WHERE session_id = sessions.id) ELSE messages END
WHERE key LIKE '%' || :old_part OR key LIKE '%' || :old_part || ':%';

-- name: sessions.list
SELECT id, key, agent, created_ms, last_active_ms, messages, stage, closed_ms, archive
FROM sessions WHERE closed_ms IS NULL ORDER BY last_active_ms DESC LIMIT :most;

-- name: sessions.list_closed
SELECT id, key, agent, created_ms, last_active_ms, messages, stage, closed_ms, archive
FROM sessions WHERE closed_ms IS NOT NULL AND stage <> 'loading' ORDER BY id DESC LIMIT :most;

-- name: sessions.of_key
SELECT id, key, agent, created_ms, last_active_ms, messages, stage, closed_ms, archive
FROM sessions WHERE key = :key AND stage <> 'loading' ORDER BY id DESC LIMIT :most;

-- name: sessions.get
SELECT id, key, agent, created_ms, last_active_ms, messages, stage, closed_ms, archive FROM sessions
WHERE id = :session_id AND stage <> 'loading';

-- name: sessions.delete
DELETE FROM sessions WHERE key = :key
RETURNING archive;

-- A session on its way to its file: the row says so before the file is begun.
-- name: sessions.to_archive
SELECT id, key, agent, created_ms, last_active_ms, messages, stage, closed_ms, archive FROM sessions
WHERE closed_ms IS NOT NULL AND closed_ms <= :before_ms AND stage <> 'archived' AND stage <> 'loading'
ORDER BY closed_ms LIMIT :most;

-- name: sessions.archiving
UPDATE sessions SET stage = 'archiving', archive = :archive
WHERE id = :session_id AND closed_ms IS NOT NULL AND stage IN ('whole', 'archiving');

-- name: sessions.archived
UPDATE sessions SET stage = 'archived', messages = :messages WHERE id = :session_id AND stage = 'archiving';

-- name: sessions.purge
DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE session_id = :session_id ORDER BY id LIMIT :most)
AND EXISTS (SELECT 1 FROM sessions WHERE id = :session_id AND stage = 'archived')
RETURNING id;

-- What a crash left behind a file that was whole already.
-- name: sessions.to_purge
SELECT id FROM sessions WHERE stage = 'archived' AND EXISTS (SELECT 1 FROM messages WHERE session_id = sessions.id);

-- And back. Numbers stay what they were, so that what points at a message finds it again.
-- name: sessions.put_back
INSERT INTO messages (id, session_id, role, content, metadata, created_ms)
VALUES (:id, :session_id, :role, :content, :metadata, :created_ms)
ON CONFLICT (id) DO NOTHING;

-- name: sessions.restored
UPDATE sessions SET stage = 'whole', archive = NULL, closed_ms = NULL, last_active_ms = :now_ms
WHERE id = :session_id AND stage = 'archived'
AND :messages = (SELECT count(*) FROM messages WHERE session_id = :session_id);

-- name: sessions.reopen
UPDATE sessions SET closed_ms = NULL, last_active_ms = :now_ms WHERE id = :session_id AND stage = 'whole';

-- An import fills a session that nobody reads yet.
-- name: sessions.load
INSERT INTO sessions (key, agent, created_ms, last_active_ms, closed_ms, stage)
VALUES (:key, :agent, :created_ms, :now_ms, :now_ms, 'loading')
RETURNING id;

-- name: sessions.load_record
INSERT INTO messages (session_id, role, content, metadata, created_ms)
VALUES (:session_id, :role, :content, :metadata, :created_ms);

-- name: sessions.loaded
UPDATE sessions SET stage = 'whole', closed_ms = :closed_ms, messages = :messages
WHERE id = :session_id AND stage = 'loading';

-- name: sessions.drop_loading
DELETE FROM sessions WHERE stage = 'loading' AND closed_ms < :before_ms;
