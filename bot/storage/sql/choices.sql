-- name: choices.of
SELECT model FROM session_models WHERE session_key = :session_key;

-- name: choices.choose
INSERT INTO session_models (session_key, model, chosen_ms) VALUES (:session_key, :model, :now_ms)
ON CONFLICT (session_key) DO UPDATE SET model = :model, chosen_ms = :now_ms;

-- name: choices.forget
DELETE FROM session_models WHERE session_key = :session_key;

-- name: choices.move
INSERT INTO session_models (session_key, model, chosen_ms)
SELECT replace(session_key, :old_part, :new_part), model, chosen_ms FROM session_models
WHERE session_key LIKE '%' || :old_part OR session_key LIKE '%' || :old_part || ':%'
ON CONFLICT (session_key) DO NOTHING;
