-- Who works on a task, and where its result is posted.
ALTER TABLE tasks ADD COLUMN runner TEXT NOT NULL DEFAULT 'house' CHECK (runner IN ('house', 'external'));
ALTER TABLE tasks ADD COLUMN webhook_url TEXT;        -- NULL: the result is posted nowhere
ALTER TABLE tasks ADD COLUMN posted_attempt INTEGER;  -- the attempt whose result is in the outbox for webhook_url
CREATE INDEX tasks_unposted ON tasks (finished_ms)
    WHERE finished_ms IS NOT NULL AND webhook_url IS NOT NULL AND (posted_attempt IS NULL OR posted_attempt <> attempt);
CREATE INDEX tasks_external ON tasks (started_ms) WHERE state = 'running' AND runner = 'external';

-- The keys that a task's messages are signed with, both ways; two live at most, the higher number is the newer.
-- Kept in plain text: who signs needs the key itself.
CREATE TABLE task_keys (
    task_id     TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    secret      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    PRIMARY KEY (task_id, number)
);

-- Messages about tasks that were taken: none of them has a second effect.
CREATE TABLE webhook_nonces (
    task_id      TEXT NOT NULL,
    nonce        TEXT NOT NULL,               -- its webhook-id
    digest       TEXT NOT NULL,               -- SHA-256 of its body, hex
    received_ms  INTEGER NOT NULL,
    PRIMARY KEY (task_id, nonce)
);
CREATE INDEX webhook_nonces_received ON webhook_nonces (received_ms);
