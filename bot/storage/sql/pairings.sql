-- name: pairings.ask
INSERT INTO pairings (channel, account, sender, sender_name, code, expires_ms)
VALUES (:channel, :account, :sender, :sender_name, :code, :expires_ms)
ON CONFLICT (channel, account, sender) DO UPDATE
SET code = :code, expires_ms = :expires_ms, sender_name = :sender_name
WHERE pairings.approved_ms IS NULL AND pairings.expires_ms <= :now_ms
RETURNING code;

-- name: pairings.approve
UPDATE pairings SET approved_ms = :now_ms, code = NULL, expires_ms = NULL
WHERE code = :code AND expires_ms > :now_ms
RETURNING channel, account, sender, sender_name;

-- name: pairings.approved
SELECT channel, account, sender FROM pairings WHERE approved_ms IS NOT NULL;

-- name: pairings.list
SELECT * FROM pairings WHERE approved_ms IS NOT NULL OR expires_ms > :now_ms ORDER BY sender_name;

-- name: pairings.revoke
DELETE FROM pairings WHERE channel = :channel AND account = :account AND sender = :sender;

-- name: pairings.forget_expired
DELETE FROM pairings WHERE approved_ms IS NULL AND expires_ms <= :now_ms;
