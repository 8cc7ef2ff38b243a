-- Purpose: what names a grid that is not in force and should: workers, the memories of their rules, open alerts, accounts.
-- Parameters: prefix (place key that narrows, empty for all).
-- Index used: none; the tables are small.
WITH named AS (
  SELECT 'grid_worker' AS "table", CAST(id AS text) AS id, place FROM onemap.grid_worker
  UNION ALL
  SELECT 'rule_state', CAST(worker_id AS text), place FROM onemap.rule_state
  UNION ALL
  SELECT 'alert', CAST(id AS text), place FROM onemap.alert WHERE returned_at IS NULL AND withdrawn_at IS NULL
  UNION ALL
  SELECT 'app_user', login, place FROM onemap.app_user CROSS JOIN LATERAL unnest(scopes) AS s(place)
)
SELECT "table", id, place AS stored, CAST(NULL AS text) AS wanted
  FROM named
 WHERE length(place) = 15 AND place ^@ CAST(:prefix AS text)
   AND NOT EXISTS (SELECT 1 FROM onemap.grid g WHERE g.place = named.place AND g.valid_to IS NULL)
 ORDER BY 1, 2
