-- Purpose: alerts of workers that were open at an instant of each or opened later; withdrawn ones are not.
-- Parameters: workers, begins: arrays of one length.
-- Index used: ix_alert_worker.
SELECT alert.id, alert.rule, alert.worker_id, alert.opened_at, alert.raised_at, alert.returned_at
  FROM unnest(CAST(:workers AS bigint[]), CAST(:begins AS timestamptz[])) AS asked(worker, begins)
  JOIN onemap.alert ON alert.worker_id = asked.worker
   AND (alert.returned_at IS NULL OR alert.returned_at >= asked.begins)
 WHERE alert.withdrawn_at IS NULL
 ORDER BY alert.opened_at, alert.id
