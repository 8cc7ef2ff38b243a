-- Purpose: let a region without a drawn border cover a box too.
-- Parameters: place, source (of such regions), west, south, east, north (degrees, EPSG:4490).
-- Index used: uq_region_place.
UPDATE onemap.region SET
       geom = ST_Multi(ST_Envelope(ST_Collect(coalesce(geom, b.box), b.box))), updated_at = now()
  FROM (SELECT ST_MakeEnvelope(:west, :south, :east, :north, 4490) AS box) b
 WHERE place = :place AND source = :source AND (geom IS NULL OR NOT ST_Covers(geom, b.box))
