-- The same rows, told by a column that changes once in a row's life: the state changes three times, and each time SQLite
-- built a table of the three names to ask whether the row belongs here.
DROP INDEX outbox_finished;
CREATE INDEX outbox_finished ON outbox (finished_ms) WHERE finished_ms IS NOT NULL;
