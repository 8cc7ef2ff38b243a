-- Purpose: steps that an imported case proves: reported, and closed if it is.
-- Parameters: actor_id, actor; reads the temporary table staged_import.
-- Index used: ux_event_source; the unique index of event_step on (event_id, place, number).
INSERT INTO onemap.event_step (place, event_id, number, action, from_state, to_state, actor_id, actor, note, at)
SELECT e.place, e.id, s.number, s.action, s.from_state, s.to_state, :actor_id, :actor, '由文件导入', s.at
  FROM staged_import i
  JOIN onemap.event e ON e.source = i.source AND e.source_key = i.source_key
 CROSS JOIN LATERAL (
   VALUES (1, 'report', 'reported', 'reported', e.reported_at),
          (2, 'close', 'handling', 'closed', e.closed_at)
 ) s(number, action, from_state, to_state, at)
 WHERE s.at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM onemap.event_step o WHERE o.event_id = e.id AND o.action = s.action)
ON CONFLICT DO NOTHING
