-- What an agent wants to do and its asker has to allow first.
CREATE TABLE approvals (
    nonce        TEXT PRIMARY KEY,
    agent        TEXT NOT NULL,
    session_key  TEXT NOT NULL,
    tool         TEXT NOT NULL,
    arguments    TEXT NOT NULL,               -- JSON as the asker was shown it
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    chat         TEXT NOT NULL,
    sender       TEXT NOT NULL,               -- who alone may answer
    state        TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'allowed', 'denied')),
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL
);
CREATE INDEX approvals_expired ON approvals (expires_ms);
