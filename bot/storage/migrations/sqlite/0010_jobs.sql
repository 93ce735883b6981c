-- Schedules: what is to happen when, and each time that it did.
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    schedule     TEXT NOT NULL,
    zone         TEXT NOT NULL,
    misfire      TEXT NOT NULL CHECK (misfire IN ('once', 'skip', 'all')),
    action       TEXT NOT NULL CHECK (action IN ('say', 'ask')),
    text         TEXT NOT NULL,
    agent        TEXT NOT NULL,
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    chat         TEXT NOT NULL,
    thread       TEXT,
    requester    TEXT,
    language     TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    next_due_ms  INTEGER,
    state        TEXT NOT NULL DEFAULT 'on' CHECK (state IN ('on', 'off', 'ended')),
    failures     INTEGER NOT NULL DEFAULT 0,
    error        TEXT
);
CREATE INDEX jobs_due ON jobs (next_due_ms) WHERE state = 'on';
CREATE INDEX jobs_of_chat ON jobs (channel, account, chat);

-- A due time is here at most once, so that it happens at most once.
CREATE TABLE job_runs (
    job_id       TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    due_ms       INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    taken_ms     INTEGER,
    finished_ms  INTEGER,
    outbox_id    TEXT,
    PRIMARY KEY (job_id, due_ms)
);
CREATE INDEX job_runs_open ON job_runs (due_ms) WHERE state IN ('waiting', 'running');
