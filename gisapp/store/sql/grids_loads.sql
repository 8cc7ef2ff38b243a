-- Purpose: load of each drawn grid of one community: buildings, people, households, components, open cases, and the
--   length of streets to walk. A point on a shared border counts for the lowest code. Streets within five metres of a
--   grid count for it, because a street along a border is walked from both sides.
-- Parameters: first, last (lowest and highest place key of the community), codes (text[]), shapes (text[], hex WKB
--   in EPSG:4490, same order).
-- Index used: ix_<table>_place, ix_road_geom.
WITH drawn AS MATERIALIZED (
  SELECT code, ST_SetSRID(shape::geometry, 4490) AS geom
    FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS text[])) AS d(code, shape)
),
thing AS MATERIALIZED (
  SELECT 1 AS kind, id, ST_PointOnSurface(geom) AS point, 0 AS people, 0 AS households
    FROM onemap.building WHERE place BETWEEN :first AND :last
  UNION ALL
  SELECT 2, id, geom, people, households
    FROM onemap.building_population WHERE place BETWEEN :first AND :last
  UNION ALL
  SELECT 3, id, CASE WHEN GeometryType(geom) = 'POINT' THEN geom ELSE ST_PointOnSurface(geom) END, 0, 0
    FROM onemap.component WHERE place BETWEEN :first AND :last
  UNION ALL
  SELECT 4, id, geom, 0, 0
    FROM onemap.event WHERE place BETWEEN :first AND :last AND closed_at IS NULL
),
located AS (
  SELECT DISTINCT ON (hit.kind, hit.id) hit.kind, hit.people, hit.households, drawn.code
    FROM drawn CROSS JOIN LATERAL (
      SELECT thing.* FROM thing
       WHERE thing.point && drawn.geom AND ST_Intersects(drawn.geom, thing.point) OFFSET 0) AS hit
   ORDER BY hit.kind, hit.id, drawn.code
),
counted AS (
  SELECT code, count(*) FILTER (WHERE kind = 1) AS buildings, sum(people) AS people, sum(households) AS households,
         count(*) FILTER (WHERE kind = 3) AS components, count(*) FILTER (WHERE kind = 4) AS open_cases
    FROM located GROUP BY code
)
SELECT drawn.code, coalesce(counted.buildings, 0) AS buildings, coalesce(counted.people, 0) AS people,
       coalesce(counted.households, 0) AS households, coalesce(counted.components, 0) AS components,
       coalesce(counted.open_cases, 0) AS open_cases, ST_Area(drawn.geom::geography) AS area_m2,
       coalesce(street.metres, 0) AS street_m
  FROM drawn LEFT JOIN counted USING (code) CROSS JOIN LATERAL (
    SELECT sum(ST_Length(ST_Intersection(road.geom, near.geom)::geography)) AS metres
      FROM onemap.road, (SELECT ST_Buffer(drawn.geom, 0.00005, 1) AS geom) AS near
     WHERE road.walkable AND road.geom && near.geom) AS street
 ORDER BY drawn.code
