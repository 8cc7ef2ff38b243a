-- Purpose: the cases inside an outline, the newest first.
-- Parameters: outline (hexadecimal WKB, EPSG:4490), place (prefix), since, until, class (each may be NULL), limit.
-- Index used: ix_event_place.
SELECT id, number, title, address, state, reported_at
  FROM onemap.event
 WHERE place ^@ :place
   AND (CAST(:since AS timestamptz) IS NULL OR reported_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR reported_at < :until)
   AND (CAST(:class AS text) IS NULL OR "class" = :class)
   AND ST_Intersects(geom, ST_SetSRID(CAST(:outline AS geometry), 4490))
 ORDER BY reported_at DESC, id DESC
 LIMIT :limit
