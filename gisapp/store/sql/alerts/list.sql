-- Purpose: alerts within the reader's scope, the newest first, with the worker's name.
-- Parameters: prefix (empty for all of the scope); open_only: those neither returned nor acknowledged; since: raised
--             at or after it (null for any); limit.
-- Index used: ix_alert_raised_at, ix_alert_place.
SELECT alert.id, alert.place, alert.rule, alert.worker_id, worker.name AS worker, alert.event_id, alert.title,
       alert.opened_at, alert.raised_at, alert.returned_at, alert.withdrawn_at, alert.acknowledged_at,
       acknowledger.name AS acknowledged_by, alert.evidence,
       ST_X(alert.geom) AS lon, ST_Y(alert.geom) AS lat
  FROM onemap.alert
  LEFT JOIN onemap.grid_worker AS worker ON worker.id = alert.worker_id
  LEFT JOIN onemap.app_user AS acknowledger ON acknowledger.id = alert.acknowledged_by
 WHERE alert.place ^@ CAST(:prefix AS text) AND alert.withdrawn_at IS NULL
   AND (NOT :open_only OR (alert.returned_at IS NULL AND alert.acknowledged_at IS NULL))
   AND (CAST(:since AS timestamptz) IS NULL OR alert.raised_at >= :since)
 ORDER BY alert.raised_at DESC, alert.id DESC
 LIMIT :limit
