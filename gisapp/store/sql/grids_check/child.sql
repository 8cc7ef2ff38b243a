-- Purpose: rows that do not have the key of what they belong to: id, key, and the right key.
--   {child}, {parent} and {column} are filled in by gisapp.store.grid_checks from the foreign keys of the tables.
-- Parameters: prefix (place key that narrows, empty for all).
-- Index used: none; both tables are read once.
SELECT CAST(c.id AS text) AS id, c.place AS stored, p.place AS wanted
  FROM onemap.{child} c JOIN onemap.{parent} p ON p.id = c.{column}
 WHERE c.place ^@ CAST(:prefix AS text) AND c.place <> p.place
 ORDER BY c.id
