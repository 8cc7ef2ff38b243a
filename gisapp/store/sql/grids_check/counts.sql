-- Purpose: counts by grid that are not the number of the things in it: table, key, count, and the right count.
-- Parameters: prefix (place key that narrows, empty for all).
-- Index used: none; the tables are read once.
WITH kept AS (
  SELECT 'density' AS "table", layer AS what, place, sum(n) AS n FROM onemap.density
   WHERE cell_zoom = 16 AND layer IN ('component', 'people') GROUP BY 2, 3
  UNION ALL
  SELECT 'demand_cell', 'event', place, sum(n) FROM onemap.demand_cell WHERE resolution = 8 GROUP BY 3
  UNION ALL
  SELECT 'case_density', 'closed', place, sum(n) FROM onemap.case_density WHERE cell_zoom = 14 AND month IS NULL GROUP BY 3
), real AS (
  SELECT 'density' AS "table", 'component' AS what, place, count(*) AS n FROM onemap.component GROUP BY 3
  UNION ALL
  SELECT 'density', 'people', place, sum(people) FROM onemap.building_population WHERE people > 0 GROUP BY 3
  UNION ALL
  SELECT 'demand_cell', 'event', place, count(*) FROM onemap.event GROUP BY 3
  UNION ALL
  SELECT 'case_density', 'closed', place, count(*) FROM onemap.event WHERE closed_at IS NOT NULL GROUP BY 3
)
SELECT "table", place AS id, CAST(coalesce(kept.n, 0) AS text) AS stored, CAST(coalesce(real.n, 0) AS text) AS wanted
  FROM kept FULL JOIN real USING ("table", what, place)
 WHERE place ^@ CAST(:prefix AS text) AND coalesce(kept.n, 0) <> coalesce(real.n, 0)
 ORDER BY 1, 2
