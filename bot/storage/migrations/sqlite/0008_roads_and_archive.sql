-- The road of each message, written in the transaction that ends it.
CREATE TABLE roads (
    id           INTEGER PRIMARY KEY,         -- that of its inbox row, which is forgotten at another time
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    update_id    TEXT NOT NULL,
    chat         TEXT NOT NULL,
    message_id   TEXT NOT NULL,
    sender       TEXT,
    session_key  TEXT,
    agent        TEXT,
    state        TEXT NOT NULL,               -- how its inbox row ended
    reason       TEXT,
    steps        TEXT NOT NULL,               -- JSON: a list of {step, code, after_ms, …}
    began_ms     INTEGER NOT NULL,
    ended_ms     INTEGER NOT NULL
);
CREATE INDEX roads_message ON roads (message_id, channel, account, chat);
CREATE INDEX outbox_receipt ON outbox (receipt) WHERE receipt IS NOT NULL;

-- whole: all messages are here. loading: an import is under way, nobody reads it yet. archiving: a file of that name
-- is being written. archived: the messages are in the file alone.
ALTER TABLE sessions ADD COLUMN stage TEXT NOT NULL DEFAULT 'whole'
    CHECK (stage = 'whole' OR stage = 'loading' OR stage = 'archiving' OR stage = 'archived');
ALTER TABLE sessions ADD COLUMN archive TEXT;                          -- the file's name in the archive's folder
ALTER TABLE sessions ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;   -- how many there are
ALTER TABLE sessions ADD COLUMN summary TEXT;                          -- of what was said up to `summary_upto`
ALTER TABLE sessions ADD COLUMN summary_upto INTEGER NOT NULL DEFAULT 0;  -- id of a message
UPDATE sessions SET messages = (SELECT count(*) FROM messages WHERE session_id = sessions.id);
CREATE INDEX sessions_active ON sessions (last_active_ms) WHERE closed_ms IS NULL;
CREATE INDEX sessions_to_archive ON sessions (closed_ms) WHERE closed_ms IS NOT NULL AND stage <> 'archived';
CREATE INDEX sessions_by_key ON sessions (key);
