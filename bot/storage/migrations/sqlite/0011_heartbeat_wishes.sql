-- Heartbeats that somebody asked for beside the running bot, and what it answered.
CREATE TABLE heartbeat_wishes (
    agent        TEXT PRIMARY KEY,
    wanted_ms    INTEGER NOT NULL,
    answered_ms  INTEGER,
    reason       TEXT                         -- why it does not run; NULL: it does
);
