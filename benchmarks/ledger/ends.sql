-- What `Endings.complete` does in one transaction, without the way to PostgreSQL through Python.
--
--     pixmill db upgrade && psql -f ends-setup.sql
--     pgbench -n -M prepared -f ends.sql -c 16 -T 10 -D batches=1 -D accounts=1
--
-- The row of a batch is locked early in the transaction, those of an account at its end.
\set n random(1, 200000)
\set b random(1, :batches)
\set a random(1, :accounts)
SELECT id FROM ends_ids WHERE n = :n \gset
BEGIN;
UPDATE jobs SET state = 'completed', outcomes = '[{"result_id": "0123456789abcdef0123456789abcdef0123", "cached": false, "failure": null}]', finished_at = now() WHERE id = :id AND state IN ('queued', 'processing', 'completed');
UPDATE batches SET finished = finished + 1, failed = failed + 0 WHERE id = 'b' || :b RETURNING *;
UPDATE jobs SET finish = :n WHERE id = :id;
UPDATE leases SET ends_at = now() + interval '1 day' WHERE key = 're' || :n AND digest IS NOT NULL;
INSERT INTO results (id, account_id, cache_key, key, filename, format, mime, extension, width, height, frames, how, original_size, size, created_at, expires_at) VALUES (gen_random_uuid()::text, 'a' || :a, md5(random()::text), 're' || :n, 'photo.jpg', 'webp', 'image/webp', 'webp', 640, 480, 1, 'encoded', 1000, 900, now(), now() + interval '1 day');
UPDATE leases SET ends_at = now() WHERE key = 'up' || :n;
INSERT INTO usage (subject, period, requests, taken, cached, bytes_in, bytes_out) VALUES ('a' || :a, '2026-11', 1, 1, 0, 1000, 900) ON CONFLICT (subject, period) DO UPDATE SET requests = usage.requests + 1, taken = usage.taken + 1, bytes_in = usage.bytes_in + 1000, bytes_out = usage.bytes_out + 900;
INSERT INTO usage (subject, period, requests, taken, cached, bytes_in, bytes_out) VALUES ('k' || :a, '2026-11', 1, 1, 0, 1000, 900) ON CONFLICT (subject, period) DO UPDATE SET requests = usage.requests + 1, taken = usage.taken + 1, bytes_in = usage.bytes_in + 1000, bytes_out = usage.bytes_out + 900;
COMMIT;
