-- Purpose: longitude and latitude of all cases of a place and time, as one run of big-endian doubles.
-- Parameters: place (prefix), since, until (instants, either may be NULL), class (two digits or NULL).
-- Index used: ix_event_place; ix_event_reported_at for short times.
SELECT string_agg(float8send(ST_X(geom)) || float8send(ST_Y(geom)), ''::bytea)
  FROM onemap.event
 WHERE place ^@ :place
   AND (CAST(:since AS timestamptz) IS NULL OR reported_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR reported_at < :until)
   AND (CAST(:class AS text) IS NULL OR "class" = :class)
