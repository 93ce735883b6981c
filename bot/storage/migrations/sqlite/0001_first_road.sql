-- Times are unix milliseconds. Platform ids are text. Columns in JSON are named as such below.
-- Checks say OR: for a list of three and more SQLite builds a table each time that it checks a row.

-- Every event of a platform, stored before it is acknowledged.
CREATE TABLE inbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    update_id    TEXT NOT NULL,
    raw          TEXT NOT NULL,               -- JSON as the platform sent it
    state        TEXT NOT NULL DEFAULT 'stored'
                 CHECK (state = 'stored' OR state = 'done' OR state = 'refused' OR state = 'quarantined'),
    reason       TEXT,                        -- why it ended without an answer
    attempts     INTEGER NOT NULL DEFAULT 0,  -- turns begun
    received_ms  INTEGER NOT NULL,
    finished_ms  INTEGER,
    UNIQUE (channel, account, update_id)
);
CREATE INDEX inbox_waiting ON inbox (channel, account, id) WHERE state = 'stored';
CREATE INDEX inbox_finished ON inbox (finished_ms) WHERE state <> 'stored';

-- At most one open session a key; `/new` closes it and the next message opens another.
CREATE TABLE sessions (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    key             TEXT NOT NULL,
    agent           TEXT NOT NULL,
    created_ms      INTEGER NOT NULL,
    last_active_ms  INTEGER NOT NULL,
    closed_ms       INTEGER
);
CREATE UNIQUE INDEX sessions_open ON sessions (key) WHERE closed_ms IS NULL;

CREATE TABLE messages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    role        TEXT NOT NULL CHECK (role = 'user' OR role = 'assistant' OR role = 'system' OR role = 'tool'),
    content     TEXT NOT NULL,
    metadata    TEXT NOT NULL DEFAULT '{}',   -- JSON
    created_ms  INTEGER NOT NULL
);
CREATE INDEX messages_newest ON messages (session_id, id);

-- One row a rendered part. Rows of one (channel, account, chat) leave in the order of `seq`.
CREATE TABLE outbox (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,       -- 24 hex digits
    channel       TEXT NOT NULL,
    account       TEXT NOT NULL,
    chat          TEXT NOT NULL,
    thread        TEXT,
    kind          TEXT NOT NULL CHECK (kind = 'answer' OR kind = 'notice' OR kind = 'heartbeat'),
    source_kind   TEXT NOT NULL,              -- 'inbox', 'task' or 'heartbeat'
    source_id     TEXT NOT NULL,
    part          INTEGER NOT NULL,
    language      TEXT NOT NULL,              -- of the duplicate label
    payload       TEXT NOT NULL,              -- JSON as the channel rendered it
    state         TEXT NOT NULL DEFAULT 'queued'
                  CHECK (state = 'queued' OR state = 'attempting' OR state = 'sent'
                         OR state = 'failed' OR state = 'unknown'),
    reason        TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    duplicate     INTEGER NOT NULL DEFAULT 0, -- 1: an earlier attempt may have arrived
    due_ms        INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    finished_ms   INTEGER,
    receipt       TEXT                        -- the platform's message id
);
CREATE INDEX outbox_waiting ON outbox (channel, account, chat, seq) WHERE state IN ('queued', 'attempting');
CREATE INDEX outbox_source ON outbox (source_kind, source_id);
CREATE INDEX outbox_finished ON outbox (finished_ms) WHERE state IN ('sent', 'failed', 'unknown');
CREATE INDEX outbox_trouble ON outbox (state, seq) WHERE state IN ('failed', 'unknown');

CREATE TABLE tasks (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    prompt             TEXT NOT NULL,
    model              TEXT NOT NULL,
    temperature        REAL,
    priority           TEXT NOT NULL CHECK (priority = 'high' OR priority = 'normal' OR priority = 'low'),
    rank_ms            INTEGER NOT NULL,      -- when its turn comes: created_ms plus the patience of its priority
    requester          TEXT NOT NULL,         -- channel:sender, for limits per user
    channel            TEXT,                  -- where the notice goes; NULL: nowhere
    account            TEXT,
    chat               TEXT,
    thread             TEXT,
    reply_to           TEXT,
    language           TEXT NOT NULL,
    state              TEXT NOT NULL DEFAULT 'queued'
                       CHECK (state = 'queued' OR state = 'running' OR state = 'succeeded'
                              OR state = 'failed' OR state = 'timed_out' OR state = 'cancelled'),
    attempt            INTEGER NOT NULL DEFAULT 0,
    crashes            INTEGER NOT NULL DEFAULT 0,
    created_ms         INTEGER NOT NULL,
    started_ms         INTEGER,
    finished_ms        INTEGER,
    output             TEXT,
    error              TEXT,
    answered_by        TEXT,                  -- the model id that the provider named
    prompt_tokens      INTEGER NOT NULL DEFAULT 0,
    completion_tokens  INTEGER NOT NULL DEFAULT 0,
    total_tokens       INTEGER NOT NULL DEFAULT 0,
    acknowledged       INTEGER NOT NULL DEFAULT 0,  -- 1: the platform took the notice
    stale_file         INTEGER NOT NULL DEFAULT 0   -- 1: results/<id>.json is older than this row
);
CREATE INDEX tasks_queue ON tasks (rank_ms) WHERE state = 'queued';
CREATE INDEX tasks_unfinished ON tasks (requester) WHERE state IN ('queued', 'running');
CREATE INDEX tasks_running ON tasks (started_ms) WHERE state = 'running';
CREATE INDEX tasks_finished ON tasks (finished_ms) WHERE finished_ms IS NOT NULL;
CREATE INDEX tasks_unreported ON tasks (finished_ms)
    WHERE finished_ms IS NOT NULL AND acknowledged = 0 AND channel IS NOT NULL;
CREATE INDEX tasks_stale_file ON tasks (finished_ms) WHERE stale_file = 1;
CREATE INDEX tasks_by_chat ON tasks (channel, account, chat, created_ms);

CREATE TABLE heartbeats (
    agent       TEXT PRIMARY KEY,
    last_run_ms INTEGER NOT NULL
);

-- What a heartbeat told, so that the same alert is told once in 24 hours; it counts when its outbox row is sent.
CREATE TABLE alerts (
    outbox_id   TEXT PRIMARY KEY,
    agent       TEXT NOT NULL,
    digest      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
);
CREATE INDEX alerts_digest ON alerts (agent, digest, created_ms);

-- Strangers who asked to be let in, and those who were.
CREATE TABLE pairings (
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    sender       TEXT NOT NULL,
    sender_name  TEXT NOT NULL,
    code         TEXT,                        -- NULL once approved
    expires_ms   INTEGER,
    approved_ms  INTEGER,
    PRIMARY KEY (channel, account, sender)
);
CREATE UNIQUE INDEX pairings_code ON pairings (code) WHERE code IS NOT NULL;
