-- name: tokens.create
INSERT INTO gateway_tokens (id, name, hash, created_ms, expires_ms)
VALUES (:id, :name, :hash, :now_ms, :expires_ms);

-- name: tokens.revoke
UPDATE gateway_tokens SET revoked_ms = :now_ms WHERE id = :id AND revoked_ms IS NULL;

-- name: tokens.list
SELECT id, name, created_ms, expires_ms, revoked_ms FROM gateway_tokens ORDER BY created_ms DESC, id;

-- name: tokens.good
SELECT name, hash, expires_ms FROM gateway_tokens WHERE revoked_ms IS NULL;
