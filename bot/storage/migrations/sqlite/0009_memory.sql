-- What may be recalled: notes, and all that was said. It outlives the sessions, which are archived.

-- Whose memory: a session key. A chat that moves takes its scopes along, so several may bear one key.
CREATE TABLE memory_scopes (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    key  TEXT NOT NULL
);
CREATE INDEX memory_scopes_key ON memory_scopes (key);

CREATE TABLE memories (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id    INTEGER NOT NULL REFERENCES memory_scopes (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('said', 'note')),
    speaker     TEXT,                    -- who said it; NULL: the agent
    text        TEXT NOT NULL,
    words       TEXT NOT NULL,           -- of the text, as bot/memory/words.py parts them
    message_id  INTEGER UNIQUE,          -- the message that it was; NULL: a note
    created_ms  INTEGER NOT NULL
);
CREATE INDEX memories_scope ON memories (scope_id, id);

-- How far messages are taken into memory.
CREATE TABLE memory_mark (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    message_id  INTEGER NOT NULL
);
INSERT INTO memory_mark (only_row, message_id) VALUES (1, 0);

-- `scope` is 's' and the scope's id: so that a search never reads what others said.
CREATE VIRTUAL TABLE memories_found USING fts5 (
    scope, words, content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN
    INSERT INTO memories_found (rowid, scope, words) VALUES (new.id, 's' || new.scope_id, new.words);
END;
CREATE TRIGGER memories_removed AFTER DELETE ON memories BEGIN
    INSERT INTO memories_found (memories_found, rowid, scope, words)
    VALUES ('delete', old.id, 's' || old.scope_id, old.words);
END;
