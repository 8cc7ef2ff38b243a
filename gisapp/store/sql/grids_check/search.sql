-- Purpose: entries of the search that do not have the key of what they stand for: id, key, and the right key (null where it
--   is there no more).
-- Parameters: prefix (place key that narrows, empty for all).
-- Index used: none; the tables are read once.
WITH subject AS MATERIALIZED (
  SELECT 'building' AS kind, id, place FROM onemap.building
  UNION ALL SELECT 'address', id, place FROM onemap.address
  UNION ALL SELECT 'organisation', id, place FROM onemap.organisation
  UNION ALL SELECT 'poi', id, place FROM onemap.poi
  UNION ALL SELECT 'component', id, place FROM onemap.component
  UNION ALL SELECT 'grid_worker', id, place FROM onemap.grid_worker
  UNION ALL SELECT 'grid', id, place FROM onemap.grid WHERE valid_to IS NULL
  UNION ALL SELECT 'region', id, place FROM onemap.region
),
odd AS MATERIALIZED (
  SELECT e.id, e.kind, e.subject_id, e.place FROM onemap.search_entry e
   WHERE e.place ^@ CAST(:prefix AS text)
     AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.kind = e.kind AND s.id = e.subject_id AND s.place = e.place)
)
SELECT CAST(odd.id AS text) AS id, odd.place AS stored, s.place AS wanted
  FROM odd LEFT JOIN subject s ON s.kind = odd.kind AND s.id = odd.subject_id
 ORDER BY odd.id
