-- Jobs that are about to end, of 64 accounts with a batch each: for ends.sql.
-- Their ids are in a table of their own, because pgbench knows numbers only.
INSERT INTO accounts (id, email, plan, created_at)
SELECT 'a' || n, 'a' || n, 'self-hosted', now() FROM generate_series(1, 64) n;
INSERT INTO batches (id, account_id, key_id, dialect, name, base_url, accepted, rejected, finished, failed, created_at, touched_at)
SELECT 'b' || n, 'a' || n, 'k' || n, 'optimagio', 'x', 'x', 1000000, 0, 0, 0, now(), now() FROM generate_series(1, 64) n;
INSERT INTO chunks (id, batch_id, account_id, key_id, subject, period, dialect, base_url, free_repeats, max_file_size, turns, created_at)
SELECT 'c' || n, 'b' || n, 'a' || n, 'k' || n, 'a' || n, '2026-11', 'optimagio', 'x', false, 1, 1, now() FROM generate_series(1, 64) n;
INSERT INTO jobs (id, chunk_id, batch_id, account_id, number, label, filename, source_key, source_size, wanted, committed, held, state, turns, created_at, expires_at)
SELECT gen_random_uuid()::text, 'c' || (n % 64 + 1), 'b' || (n % 64 + 1), 'a' || (n % 64 + 1), n, '{}', 'photo.jpg', 'up' || n, 1000, '[{"format":"webp"}]', false, 0, 'processing', 1, now(), now()
FROM generate_series(1, 200000) n;
CREATE TABLE ends_ids AS SELECT number AS n, id FROM jobs;
CREATE UNIQUE INDEX ON ends_ids (n);
INSERT INTO leases (key, digest, ends_at) SELECT 'up' || n, 'du' || n, now() + interval '1 day' FROM generate_series(1, 200000) n;
INSERT INTO leases (key, digest, ends_at) SELECT 're' || n, 'dr' || n, now() FROM generate_series(1, 200000) n;
ANALYZE;
