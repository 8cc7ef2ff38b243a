-- Purpose: a worker's positions in order.
-- Parameters: worker; first (included), last (not included).
-- Index used: fix's primary key (worker_id, at).
SELECT at, ST_X(geom) AS lon, ST_Y(geom) AS lat, accuracy, speed, flag, place, received_at
  FROM onemap.fix
 WHERE worker_id = :worker AND at >= :first AND at < :last
 ORDER BY at
