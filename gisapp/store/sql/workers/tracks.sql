-- Purpose: workers' positions in order, each from an instant on.
-- Parameters: workers, begins: arrays of one length; first: the least of the begins; last (not included).
-- Index used: fix's primary key (worker_id, at), in the partitions between first and last only.
SELECT fix.worker_id, fix.at, ST_X(fix.geom) AS lon, ST_Y(fix.geom) AS lat, fix.accuracy, fix.speed, fix.flag, fix.place,
       fix.received_at
  FROM unnest(CAST(:workers AS bigint[]), CAST(:begins AS timestamptz[])) AS asked(worker, begins)
  JOIN onemap.fix ON fix.worker_id = asked.worker AND fix.at >= asked.begins
 WHERE fix.at >= :first AND fix.at < :last
 ORDER BY fix.worker_id, fix.at
