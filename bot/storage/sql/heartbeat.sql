-- name: heartbeat.last_run
SELECT last_run_ms FROM heartbeats WHERE agent = :agent;

-- name: heartbeat.begin
INSERT INTO heartbeats (agent, last_run_ms, begun, holder) VALUES (:agent, :now_ms, 1, :holder)
ON CONFLICT (agent) DO UPDATE SET last_run_ms = :now_ms, begun = heartbeats.begun + 1, holder = :holder;

-- name: heartbeat.end
UPDATE heartbeats SET begun = 0 WHERE agent = :agent;

-- Due again, as if it had never run; one that keeps killing its process waits for its time.
-- name: heartbeat.interrupted
UPDATE heartbeats SET last_run_ms = CASE WHEN begun < :most_begun THEN 0 ELSE last_run_ms END,
                      begun = CASE WHEN begun < :most_begun THEN begun ELSE 0 END
WHERE begun > 0 AND NOT EXISTS (SELECT 1 FROM members WHERE members.id = heartbeats.holder);

-- name: heartbeat.alert
INSERT INTO alerts (outbox_id, agent, digest, created_ms) VALUES (:outbox_id, :agent, :digest, :now_ms)
ON CONFLICT (outbox_id) DO NOTHING;

-- name: heartbeat.told_since
SELECT 1 FROM alerts JOIN outbox ON outbox.id = alerts.outbox_id
WHERE alerts.agent = :agent AND alerts.digest = :digest
  AND (outbox.state IN ('queued', 'attempting') OR outbox.state = 'sent' AND outbox.finished_ms >= :since_ms)
LIMIT 1;

-- name: heartbeat.prune_alerts
DELETE FROM alerts WHERE created_ms < :before_ms;

-- name: heartbeat.wish
INSERT INTO heartbeat_wishes (agent, wanted_ms) VALUES (:agent, :now_ms)
ON CONFLICT (agent) DO UPDATE SET wanted_ms = :now_ms, answered_ms = NULL, reason = NULL;

-- name: heartbeat.wishes
SELECT agent FROM heartbeat_wishes WHERE answered_ms IS NULL AND wanted_ms >= :since_ms ORDER BY agent;

-- name: heartbeat.answer
UPDATE heartbeat_wishes SET answered_ms = :now_ms, reason = CAST(:reason AS TEXT)
WHERE agent = :agent AND answered_ms IS NULL;

-- name: heartbeat.answered
SELECT reason FROM heartbeat_wishes WHERE agent = :agent AND answered_ms IS NOT NULL;
