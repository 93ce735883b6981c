-- name: cooldowns.all
SELECT provider, server, key_label, model, reason, failures, failed_ms, until_ms FROM cooldowns;

-- name: cooldowns.put
INSERT INTO cooldowns (provider, server, key_label, model, reason, failures, failed_ms, until_ms, told)
VALUES (:provider, :server, :key_label, :model, :reason, :failures, :failed_ms, :until_ms,
        (SELECT coalesce(max(known.told), 0) FROM cooldowns AS known
         WHERE known.provider = :provider AND known.server = :server AND known.key_label = :key_label
           AND known.reason = :reason))
ON CONFLICT (provider, server, key_label, model) DO UPDATE SET
    told = CASE WHEN cooldowns.reason = :reason THEN cooldowns.told ELSE 0 END,
    reason = :reason, failures = :failures, failed_ms = :failed_ms, until_ms = :until_ms;

-- name: cooldowns.lift
DELETE FROM cooldowns
WHERE provider = :provider AND server = :server AND key_label = :key_label AND model = :model;

-- name: cooldowns.prune
DELETE FROM cooldowns WHERE until_ms < :before_ms;

-- name: cooldowns.untold
SELECT provider, server, key_label, reason, min(failed_ms) AS since_ms FROM cooldowns
WHERE told = 0 AND reason IN ('auth', 'billing')
GROUP BY provider, server, key_label, reason
ORDER BY provider, server, key_label, reason;

-- name: cooldowns.told
UPDATE cooldowns SET told = 1
WHERE provider = :provider AND server = :server AND key_label = :key_label AND reason = :reason;
