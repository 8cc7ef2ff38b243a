-- Purpose: put the things found by grids_rekey_target.sql into their new grids; children follow by their foreign keys.
--   The condition is asked again of each row: a case may have been closed while the statement waited for it.
-- Parameters: none of its own.
-- Index used: primary key (id, place).
UPDATE onemap.{table} AS t SET place = target.code
  FROM target
 WHERE t.id = target.id AND t.place = target.place AND target.code <> target.place AND {condition}
