-- Purpose: newest positions of workers; an older one than what is stored changes nothing.
-- Parameters: workers, instants, places, speeds, lons, lats: array literals of one length (EPSG:4490).
-- Index used: grid_worker's primary key (id, place).
UPDATE onemap.grid_worker
   SET last_at = message.at, last_place = message.place, last_speed = message.speed,
       last_geom = ST_SetSRID(ST_MakePoint(message.lon, message.lat), 4490)
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[]), CAST(:places AS text[]),
              CAST(:speeds AS float8[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]))
       AS message(worker, at, place, speed, lon, lat)
 WHERE grid_worker.id = message.worker AND (last_at IS NULL OR last_at < message.at)
