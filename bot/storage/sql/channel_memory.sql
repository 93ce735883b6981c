-- name: channel_memory.remember
INSERT INTO channel_memory (channel, account, name, value) VALUES (:channel, :account, :name, :value)
ON CONFLICT (channel, account, name) DO UPDATE SET value = excluded.value;

-- name: channel_memory.forget
DELETE FROM channel_memory WHERE channel = :channel AND account = :account AND name = :name;

-- name: channel_memory.recall
SELECT name, value FROM channel_memory
WHERE channel = :channel AND account = :account AND substr(name, 1, length(:prefix)) = :prefix;
