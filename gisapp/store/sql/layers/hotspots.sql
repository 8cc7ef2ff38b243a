-- Purpose: cells of a hotspot run; of the newest finished one that the reader may see where none is named.
-- Parameters: run (number of the run, may be NULL); box of the tile.
-- Index used: ix_hotspot_cell_run_id, ix_hotspot_cell_geom.
SELECT c.id, c.count, round(c.z::numeric, 2)::float8 AS z, c.p, c."class" AS level, c.geom
  FROM onemap.hotspot_cell c
 WHERE c.run_id = coalesce(CAST({parameter:run} AS bigint), (
         SELECT r.id FROM onemap.analysis_run r
          WHERE r.kind = 'hotspot' AND r.state = 'done' ORDER BY r.created_at DESC, r.id DESC LIMIT 1))
   AND c.geom && st_makeenvelope({west}, {south}, {east}, {north}, 4490)
