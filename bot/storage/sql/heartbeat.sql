-- name: heartbeat.last_run
SELECT last_run_ms FROM heartbeats WHERE agent = :agent;

-- name: heartbeat.ran
INSERT INTO heartbeats (agent, last_run_ms) VALUES (:agent, :now_ms)
ON CONFLICT (agent) DO UPDATE SET last_run_ms = :now_ms;

-- name: heartbeat.alert
INSERT INTO alerts (outbox_id, agent, digest, created_ms) VALUES (:outbox_id, :agent, :digest, :now_ms)
ON CONFLICT (outbox_id) DO NOTHING;

-- name: heartbeat.told_since
SELECT 1 FROM alerts JOIN outbox ON outbox.id = alerts.outbox_id
WHERE alerts.agent = :agent AND alerts.digest = :digest AND outbox.state = 'sent' AND outbox.finished_ms >= :since_ms
LIMIT 1;

-- name: heartbeat.prune_alerts
DELETE FROM alerts WHERE created_ms < :before_ms;
