-- name: approvals.ask
INSERT INTO approvals (nonce, agent, session_key, tool, arguments, channel, account, chat, sender, created_ms, expires_ms)
VALUES (:nonce, :agent, :session_key, :tool, :arguments, :channel, :account, :chat, :sender, :now_ms, :expires_ms);

-- name: approvals.find
SELECT nonce, agent, session_key, tool, arguments, channel, account, chat, sender FROM approvals
WHERE nonce = :nonce AND state = 'open' AND expires_ms > :now_ms;

-- name: approvals.answer
UPDATE approvals SET state = CAST(:state AS TEXT)
WHERE nonce = :nonce AND state = 'open' AND expires_ms > :now_ms;

-- name: approvals.prune
DELETE FROM approvals WHERE expires_ms < :before_ms;
