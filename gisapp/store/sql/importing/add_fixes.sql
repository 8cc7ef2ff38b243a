-- Purpose: add staged fixes that are not known yet.
-- Parameters: none; reads the temporary table staged_import.
-- Index used: primary key of each day's partition.
INSERT INTO onemap.fix (worker_id, at, place, accuracy, speed, geom)
SELECT DISTINCT ON (worker_id, at) worker_id, at, place, accuracy, speed, geom FROM staged_import ORDER BY worker_id, at, n
ON CONFLICT DO NOTHING
