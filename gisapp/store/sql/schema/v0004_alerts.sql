-- Purpose: an alert that was withdrawn does not bar the worker's next one; alerts are found by worker (run by the fourth
--   migration).
-- Parameters: none.
-- Index used: none.
DROP INDEX onemap.ux_alert_open;
CREATE UNIQUE INDEX ux_alert_open ON onemap.alert (rule, worker_id)
 WHERE returned_at IS NULL AND withdrawn_at IS NULL AND worker_id IS NOT NULL;
CREATE INDEX ix_alert_worker ON onemap.alert (worker_id, opened_at);
