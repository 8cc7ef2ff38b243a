-- Purpose: workers within the reader's scope with their newest position and whether an alert is open.
-- Parameters: prefix: place key that narrows the scope, empty for all of it.
-- Index used: ix_grid_worker_place, ux_alert_open.
SELECT worker.id, worker.code, worker.name, worker.place, worker.team, worker.last_at, worker.last_place,
       ST_X(worker.last_geom) AS lon, ST_Y(worker.last_geom) AS lat, worker.last_speed AS speed,
       EXISTS (SELECT 1 FROM onemap.alert
                WHERE alert.worker_id = worker.id AND alert.returned_at IS NULL AND alert.withdrawn_at IS NULL) AS alerted
  FROM onemap.grid_worker AS worker
 WHERE worker.active AND worker.place ^@ CAST(:prefix AS text)
 ORDER BY worker.place, worker.id
