-- Who may use the gateway. Only hashes are kept.
CREATE TABLE gateway_tokens (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    hash        TEXT NOT NULL UNIQUE,   -- SHA-256, hex
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER,                -- NULL: never
    revoked_ms  INTEGER                 -- NULL: good
);
