-- Purpose: workers that a transaction is about, with the grids that they had before and until when each was theirs, locked
--          in the order of their ids until it ends.
-- Parameters: workers: array literal of ids.
-- Index used: grid_worker's primary key (id, place); worker_former_grid's (worker_id, until).
SELECT id, place, name, active, last_at,
       (SELECT array_agg(f.until ORDER BY f.until) FROM onemap.worker_former_grid f WHERE f.worker_id = grid_worker.id),
       (SELECT array_agg(f.place ORDER BY f.until) FROM onemap.worker_former_grid f WHERE f.worker_id = grid_worker.id)
  FROM onemap.grid_worker
 WHERE id = ANY(CAST(:workers AS bigint[]))
 ORDER BY id
   FOR UPDATE
