-- Purpose: centre lines of streets that one may walk on and that touch a box, with whether they are bridges.
-- Parameters: west, south, east, north (degrees, EPSG:4490).
-- Index used: ix_road_geom.
SELECT ST_AsBinary(geom) AS wkb, bridge, name
  FROM onemap.road
 WHERE walkable AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
 ORDER BY id
