-- The agent that a task was given to; NULL: its model alone.
ALTER TABLE tasks ADD COLUMN agent TEXT;
