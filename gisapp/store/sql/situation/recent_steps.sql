-- Purpose: the newest steps of cases within the reader's scope, as the feed of the big screen shows them.
-- Parameters: since: no step recorded before it; limit.
-- Index used: ix_event_step_recorded_at.
SELECT event.id, event.place, event.number, event.title, step.action, step.to_state AS state, step.at,
       ST_X(event.geom) AS lon, ST_Y(event.geom) AS lat
  FROM (SELECT * FROM onemap.event_step
         WHERE recorded_at >= :since
         ORDER BY recorded_at DESC, id DESC
         LIMIT :limit) AS step
  JOIN onemap.event ON event.id = step.event_id AND event.place = step.place
 ORDER BY step.recorded_at DESC, step.id DESC
