-- When the attempt began whose end nobody saw; NULL where a person has settled it.
ALTER TABLE outbox ADD COLUMN attempted_ms INTEGER;

-- What happened to the bot's place in a chat. A chat that is not here is as the settings say.
CREATE TABLE chats (
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    chat         TEXT NOT NULL,
    admitted_by  TEXT,                        -- the owner who added the bot: the chat is on the allowlist
    closed       TEXT,                        -- why nothing can be sent there; NULL: it can
    moved_from   TEXT,                        -- the id that the chat had before
    changed_ms   INTEGER NOT NULL,
    PRIMARY KEY (channel, account, chat)
);
CREATE INDEX chats_changed ON chats (changed_ms);
