-- What a channel account must know again after a restart (how far it has read).
CREATE TABLE channel_memory (
    channel  TEXT NOT NULL,
    account  TEXT NOT NULL,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (channel, account, name)
);
