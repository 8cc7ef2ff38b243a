-- Purpose: steps that an imported case proves: reported, and closed if it is; marked as imported.
-- Parameters: actor_id, actor; reads the temporary tables staged_import and matched_import.
-- Index used: ux_event_source; pk_event; the unique index of event_step on (event_id, place, number).
WITH stored AS (
  SELECT m.id FROM matched_import m
  UNION ALL
  SELECT e.id
    FROM staged_import i
    JOIN onemap.event e ON e.source = i.source AND e.source_key = i.source_key
     AND e.source_account = i.source_account AND e.source_scope = i.source_scope
   WHERE NOT EXISTS (SELECT 1 FROM matched_import m WHERE m.n = i.n)
)
INSERT INTO onemap.event_step
  (place, event_id, number, action, from_state, to_state, actor_id, actor, note, at, recorded_at, imported)
SELECT e.place, e.id, s.number, s.action, s.from_state, s.to_state, :actor_id, :actor, '由文件导入', s.at, clock_timestamp(), true
  FROM stored JOIN onemap.event e ON e.id = stored.id
 CROSS JOIN LATERAL (
   VALUES (1, 'report', 'reported', 'reported', e.reported_at),
          (2, 'close', 'handling', 'closed', e.closed_at)
 ) s(number, action, from_state, to_state, at)
 WHERE s.at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM onemap.event_step o WHERE o.event_id = e.id AND o.action = s.action)
ON CONFLICT DO NOTHING
