-- Purpose: rooms of some buildings with their units.
-- Parameters: buildings (ids).
-- Index used: ix_room_building_id.
SELECT r.building_id, r.number, r.id, r.place, u.number AS unit
  FROM onemap.room r JOIN onemap.building_unit u ON u.id = r.unit_id AND u.place = r.place
 WHERE r.building_id = ANY(CAST(:buildings AS bigint[]))
