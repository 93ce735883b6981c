-- name: memories.fetch
SELECT id, kind, speaker, text, created_ms FROM memories
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)) AS each (value));

-- name: memories.search
SELECT search.number - 1 AS search, (
    SELECT CAST(coalesce(json_agg(id), '[]') AS TEXT) FROM (
        SELECT id FROM memories
        WHERE found @@ (CAST('''#' || replace(:scopes, ' ', ''' | ''#') || '''' AS TSQUERY)
                        && memories_query(search.value ->> 0, search.value ->> 1))
        ORDER BY id DESC LIMIT :most) AS newest) AS ids
FROM json_array_elements(CAST(:searches AS JSON)) WITH ORDINALITY AS search (value, number);
