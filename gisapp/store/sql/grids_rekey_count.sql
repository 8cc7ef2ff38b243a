-- Purpose: how many of the things found by grids_rekey_target.sql change their grid, with the people of buildings.
-- Parameters: none of its own.
-- Index used: ux_building_population (building_id, place).
SELECT count(*) AS things, coalesce(sum(p.people), 0) AS people, coalesce(sum(p.households), 0) AS households
  FROM target LEFT JOIN onemap.building_population p
    ON {is_building} AND p.building_id = target.id AND p.place = target.place
 WHERE target.code <> target.place
