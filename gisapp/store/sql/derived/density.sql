-- Purpose: count components, and people by building, by cell of zoom 20, 18 and 16 and by grid, within some prefixes.
-- Parameters: prefixes (text[]).
-- Index used: ix_component_place and ix_building_population_place where a prefix is narrow, else none.
WITH gone AS (
  DELETE FROM onemap.density WHERE layer IN ('component', 'people') AND place ^@ ANY(CAST(:prefixes AS text[]))
), thing AS (
  SELECT 'component' AS layer, place, tile_key, 1 AS n,
         CASE WHEN geometrytype(geom) = 'POINT' THEN geom ELSE st_pointonsurface(geom) END AS p
    FROM onemap.component
   WHERE place ^@ ANY(CAST(:prefixes AS text[]))
  UNION ALL
  SELECT 'people', place, tile_key, people, geom
    FROM onemap.building_population
   WHERE place ^@ ANY(CAST(:prefixes AS text[])) AND people > 0
), fine AS MATERIALIZED (
  SELECT layer, place, tile_key >> 4 AS cell, sum(n) AS n, sum(n * st_x(p)) AS x, sum(n * st_y(p)) AS y
    FROM thing
   GROUP BY 1, 2, 3
), middle AS MATERIALIZED (
  SELECT layer, place, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM fine GROUP BY 1, 2, 3
), coarse AS (
  SELECT layer, place, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM middle GROUP BY 1, 2, 3
), every AS (
  SELECT 20 AS zoom, * FROM fine UNION ALL SELECT 18, * FROM middle UNION ALL SELECT 16, * FROM coarse
)
INSERT INTO onemap.density (layer, place, cell_zoom, n, geom)
SELECT layer, place, zoom, n, st_setsrid(st_makepoint(x / n, y / n), 4490) FROM every
 ORDER BY layer, zoom, cell
