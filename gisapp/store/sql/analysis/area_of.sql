-- Purpose: outline of a place as WKB: the region's own, else the grid's in force, else all regions below it together.
-- Parameters: place.
-- Index used: the unique key on region.place; that of grid.place and version.
SELECT ST_AsBinary(coalesce(
  (SELECT geom FROM onemap.region WHERE place = :place AND geom IS NOT NULL),
  (SELECT geom FROM onemap.grid WHERE place = :place AND valid_to IS NULL),
  (SELECT ST_Union(geom) FROM onemap.region WHERE place ^@ :place AND geom IS NOT NULL)))
