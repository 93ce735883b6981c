-- A heartbeat under way: how often it was begun without coming to its end (0: none is), and the member that is in it.
ALTER TABLE heartbeats ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
ALTER TABLE heartbeats ADD COLUMN holder TEXT;
