-- Purpose: cases of a local day by hour: reported, and closed.
-- Parameters: prefix: place key that narrows the scope, empty for all of it; today, tomorrow: bounds of the local day.
-- Index used: ix_event_reported_at, ix_event_closed_at.
SELECT hour, count(*) FILTER (WHERE kind = 'reported') AS reported, count(*) FILTER (WHERE kind = 'closed') AS closed
  FROM (
    SELECT extract(hour FROM reported_at AT TIME ZONE 'Asia/Shanghai')::integer AS hour, 'reported' AS kind
      FROM onemap.event
     WHERE reported_at >= :today AND reported_at < :tomorrow AND place ^@ CAST(:prefix AS text)
    UNION ALL
    SELECT extract(hour FROM closed_at AT TIME ZONE 'Asia/Shanghai')::integer, 'closed'
      FROM onemap.event
     WHERE closed_at >= :today AND closed_at < :tomorrow AND place ^@ CAST(:prefix AS text)
  ) AS moments
 GROUP BY hour
 ORDER BY hour
