-- name: memories.open_scope
INSERT INTO memory_scopes (key) SELECT :key WHERE NOT EXISTS (SELECT 1 FROM memory_scopes WHERE key = :key);

-- name: memories.add
INSERT INTO memories (scope_id, kind, speaker, text, words, message_id, created_ms)
SELECT id, :kind, :speaker, :text, :words, :message_id, :created_ms FROM memory_scopes
WHERE id = (SELECT min(id) FROM memory_scopes WHERE key = :key)
ON CONFLICT (message_id) DO NOTHING;

-- name: memories.mark
SELECT message_id FROM memory_mark;

-- name: memories.move_mark
UPDATE memory_mark SET message_id = :message_id WHERE message_id = :before;

-- name: memories.unread
SELECT messages.id, role, content, metadata, messages.created_ms, key
FROM messages JOIN sessions ON sessions.id = session_id
WHERE messages.id > :after ORDER BY messages.id LIMIT :most;

-- name: memories.scopes
SELECT id FROM memory_scopes WHERE key = :key ORDER BY id;

-- name: memories.fetch
SELECT id, kind, speaker, text, created_ms FROM memories
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: memories.forget
DELETE FROM memory_scopes WHERE key = :key;

-- name: memories.note
SELECT id FROM memories
WHERE id = :id AND kind = 'note' AND scope_id IN (SELECT id FROM memory_scopes WHERE key = :key);

-- name: memories.forget_note
DELETE FROM memories WHERE id = :id AND kind = 'note'
AND scope_id IN (SELECT id FROM memory_scopes WHERE key = :key);

-- A chat has a new id: see sessions.move.
-- name: memories.move
UPDATE memory_scopes SET key = replace(key, :old_part, :new_part)
WHERE key LIKE '%' || :old_part OR key LIKE '%' || :old_part || ':%';

-- The newest `most` memories for each of `searches`, a JSON list of [how, words]: all of the words, the words as a
-- phrase, or the start of one. `scopes` are words such as `s12`, with blanks between them.
-- name: memories.search
SELECT search.key AS search, (
    SELECT json_group_array(id) FROM (
        SELECT rowid AS id FROM memories_found
        WHERE memories_found MATCH
            'scope : ("' || replace(:scopes, ' ', '" OR "') || '") AND words : (' ||
            CASE json_extract(search.value, '$[0]')
                WHEN 'all' THEN '"' || replace(json_extract(search.value, '$[1]'), ' ', '" AND "') || '"'
                WHEN 'phrase' THEN '"' || json_extract(search.value, '$[1]') || '"'
                ELSE '"' || json_extract(search.value, '$[1]') || '" *'
            END || ')'
        ORDER BY rowid DESC LIMIT :most)) AS ids
FROM json_each(:searches) AS search;
