-- Ways to a model that are left alone for a while. A way is a provider's server, a key and a model.
CREATE TABLE cooldowns (
    provider   TEXT NOT NULL,
    server     TEXT NOT NULL,               -- host and port
    key_label  TEXT NOT NULL,               -- never the key
    model      TEXT NOT NULL,
    reason     TEXT NOT NULL CHECK (reason IN ('rate_limit', 'timeout', 'server', 'auth', 'billing')),
    failures   INTEGER NOT NULL,            -- in a row
    failed_ms  INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    told       INTEGER NOT NULL DEFAULT 0,  -- 1: the owner knows of it
    PRIMARY KEY (provider, server, key_label, model)
);

-- Every call to a model.
CREATE TABLE model_calls (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms       INTEGER NOT NULL,           -- when it ended
    took_ms     INTEGER NOT NULL,
    agent       TEXT NOT NULL,
    peer        TEXT,                       -- channel:chat; NULL: no chat is behind it
    provider    TEXT NOT NULL,
    key_label   TEXT NOT NULL,
    model       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    prompt      INTEGER NOT NULL,           -- tokens
    cached      INTEGER NOT NULL,           -- part of prompt
    completion  INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    micros      INTEGER NOT NULL            -- millionths of the currency
);
CREATE INDEX model_calls_at ON model_calls (at_ms);

-- What a day has cost: the whole bot ('all'), an agent ('agent:<id>'), a chat ('peer:<channel>:<chat>').
CREATE TABLE spending (
    day     TEXT NOT NULL,                  -- YYYY-MM-DD in the zone of the budgets
    scope   TEXT NOT NULL,
    calls   INTEGER NOT NULL,
    tokens  INTEGER NOT NULL,
    cached  INTEGER NOT NULL,
    micros  INTEGER NOT NULL,
    PRIMARY KEY (day, scope)
);

-- The model that an owner chose for a session with /model.
CREATE TABLE session_models (
    session_key  TEXT PRIMARY KEY,
    model        TEXT NOT NULL,
    chosen_ms    INTEGER NOT NULL
);
