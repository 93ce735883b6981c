-- Times are those of the database, so that the machines' clocks need not agree.

-- name: members.join
INSERT INTO members (id, machine, place, started_ms, until_ms)
SELECT :id, :machine, :place, clock.ms, clock.ms + :lease_ms
FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS ms) AS clock;

-- name: members.renew
UPDATE members SET until_ms = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + :lease_ms WHERE id = :id;

-- name: members.leave
DELETE FROM members WHERE id = :id;

-- Who commits at this moment holds its row and is passed over until it has ended.
-- name: members.bury
DELETE FROM members WHERE id IN (
    SELECT id FROM members WHERE until_ms < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
    FOR UPDATE SKIP LOCKED)
RETURNING id, machine;

-- Who still holds its row at the next look stands still within a transaction.
-- name: members.disconnect
SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN members ON application_name = 'javis ' || id
WHERE until_ms + :grace_ms < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT);

-- name: members.places
SELECT id, machine, place FROM members WHERE place IS NOT NULL;

-- name: members.alive
SELECT id, machine FROM members
WHERE until_ms >= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) ORDER BY number;

-- name: members.all
SELECT id FROM members;

-- name: members.take
INSERT INTO leases (name, holder) VALUES (:name, :holder) ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: members.holdings
SELECT machine, leases.name AS holds FROM members LEFT JOIN leases ON leases.holder = members.id
WHERE until_ms >= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) ORDER BY members.number, leases.name;
