-- Purpose: place key of a point: the grid in force that holds it, else the deepest region.
--          On a shared border the lower key wins, as in analytics/fabric.
-- Parameters: lon, lat (degrees, EPSG:4490).
-- Index used: ix_grid_geom, ix_region_geom.
WITH p AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS g)
SELECT place FROM (
  SELECT grid.place, 15 AS level FROM onemap.grid, p
   WHERE grid.geom && p.g AND ST_Intersects(grid.geom, p.g)
     AND grid.valid_to IS NULL
  UNION ALL
  SELECT region.place, region.level FROM onemap.region, p
   WHERE region.geom && p.g AND ST_Intersects(region.geom, p.g)
) found
ORDER BY level DESC, place
LIMIT 1
