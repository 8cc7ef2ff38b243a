-- Purpose: workers that a transaction is about, locked in the order of their ids until it ends.
-- Parameters: workers: array literal of ids.
-- Index used: grid_worker's primary key (id, place).
SELECT id, place, name, active, last_at
  FROM onemap.grid_worker
 WHERE id = ANY(CAST(:workers AS bigint[]))
 ORDER BY id
   FOR UPDATE
