-- Purpose: service points of an allocation run; of the newest finished one that the reader may see where none is named.
-- Parameters: run (number of the run, may be NULL); box of the tile.
-- Index used: ix_station_run_id.
SELECT s.id, s.rank, s.name, s.existing, round(s.demand::numeric, 1)::float8 AS demand,
       round(s.mean_distance)::integer AS mean_distance, s.geom
  FROM onemap.station s
 WHERE s.run_id = coalesce(CAST({parameter:run} AS bigint), (
         SELECT r.id FROM onemap.analysis_run r
          WHERE r.kind = 'allocation' AND r.state = 'done' ORDER BY r.created_at DESC, r.id DESC LIMIT 1))
   AND s.geom && st_makeenvelope({west}, {south}, {east}, {north}, 4490)
