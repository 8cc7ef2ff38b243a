-- Purpose: store positions; one that is there already stays as it is.
-- Parameters: workers, instants, places, accuracies, speeds, flags, lons, lats: array literals of one length (EPSG:4490).
-- Index used: fix's primary key (worker_id, at).
INSERT INTO onemap.fix (worker_id, at, place, accuracy, speed, flag, geom)
SELECT worker, at, place, accuracy, speed, flag, ST_SetSRID(ST_MakePoint(lon, lat), 4490)
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[]), CAST(:places AS text[]),
              CAST(:accuracies AS float8[]), CAST(:speeds AS float8[]), CAST(:flags AS text[]),
              CAST(:lons AS float8[]), CAST(:lats AS float8[]))
       AS message(worker, at, place, accuracy, speed, flag, lon, lat)
ON CONFLICT (worker_id, at) DO NOTHING
