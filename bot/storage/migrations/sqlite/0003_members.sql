-- The processes that run on this database. One that stops renewing its row is taken for dead and loses it, and with
-- it its leases and the right to write. (On SQLite one process runs at a time, and its lock file says so.)
CREATE TABLE members (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,  -- the fencing token: a later member has a higher one
    id          TEXT NOT NULL UNIQUE,
    machine     TEXT NOT NULL,                      -- for people: host name and process id
    place       TEXT,                               -- see postgresql/place.py; NULL: unknown
    started_ms  INTEGER NOT NULL,
    until_ms    INTEGER NOT NULL                    -- by the database's clock
);

-- Who does what only one may do: `channel/account` for each bot account, `chores` for what is done once for all.
CREATE TABLE leases (
    name    TEXT PRIMARY KEY,
    holder  TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX leases_of ON leases (holder);

-- The member that works on the task.
ALTER TABLE tasks ADD COLUMN holder TEXT;
