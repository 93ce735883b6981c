-- name: budgets.call
INSERT INTO model_calls (at_ms, took_ms, agent, peer, provider, key_label, model, outcome,
                         prompt, cached, completion, total, micros)
VALUES (:at_ms, :took_ms, :agent, :peer, :provider, :key_label, :model, :outcome,
        :prompt, :cached, :completion, :total, :micros);

-- name: budgets.spend
INSERT INTO spending (day, scope, calls, tokens, cached, micros) VALUES (:day, :scope, 1, :tokens, :cached, :micros)
ON CONFLICT (day, scope) DO UPDATE SET calls = spending.calls + 1, tokens = spending.tokens + :tokens,
                                       cached = spending.cached + :cached, micros = spending.micros + :micros;

-- name: budgets.spent
SELECT scope, calls, tokens, cached, micros FROM spending
WHERE day = :day AND scope IN ('all', :agent, :peer);

-- name: budgets.prune_calls
DELETE FROM model_calls WHERE id IN (SELECT id FROM model_calls WHERE at_ms < :before_ms LIMIT :most)
RETURNING id;

-- name: budgets.prune_days
DELETE FROM spending WHERE day < :before_day;

-- name: budgets.days
SELECT day, scope, calls, tokens, cached, micros FROM spending WHERE day >= :since_day
ORDER BY day DESC, micros DESC, tokens DESC, scope LIMIT :most;

-- name: budgets.by_model
SELECT provider, key_label, model, outcome, count(*) AS calls, CAST(sum(prompt) AS BIGINT) AS prompt,
       CAST(sum(cached) AS BIGINT) AS cached, CAST(sum(completion) AS BIGINT) AS completion,
       CAST(sum(total) AS BIGINT) AS total, CAST(sum(micros) AS BIGINT) AS micros,
       CAST(sum(took_ms) AS BIGINT) AS took_ms
FROM model_calls WHERE at_ms >= :since_ms
GROUP BY provider, key_label, model, outcome
ORDER BY provider, model, key_label, outcome;
