-- Purpose: the building on whose ground each staged point lies.
-- Parameters: none; reads the temporary table import_points (n, geom).
-- Index used: ix_building_geom.
SELECT DISTINCT ON (p.n) p.n, b.id, b.place
  FROM import_points p CROSS JOIN LATERAL (
    SELECT id, place FROM onemap.building WHERE geom && p.geom AND ST_Intersects(geom, p.geom) OFFSET 0
  ) b
 ORDER BY p.n, b.id
