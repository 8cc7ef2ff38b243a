-- Purpose: all rooms of one building with who is registered in them (counts by residence, masked names), for its 楼盘表.
-- Parameters: building (id).
-- Index used: ix_room_building_id, ix_person_room_id.
SELECT u.id AS unit_id, u.name AS unit_name, u.number AS unit_number,
       r.id, r.floor, r.number, r.use, r.area,
       coalesce(p.people, 0) AS people, coalesce(p.households, 0) AS households,
       coalesce(p.registered, 0) AS registered, coalesce(p.resident, 0) AS resident, coalesce(p.floating, 0) AS floating,
       coalesce(p.names, '{}') AS names
  FROM onemap.room r
  JOIN onemap.building_unit u ON u.id = r.unit_id AND u.place = r.place
  LEFT JOIN LATERAL (
    SELECT count(*) AS people, count(DISTINCT q.household) AS households,
           count(*) FILTER (WHERE q.residence = 'registered') AS registered,
           count(*) FILTER (WHERE q.residence = 'resident') AS resident,
           count(*) FILTER (WHERE q.residence = 'floating') AS floating,
           (array_agg(q.name_masked ORDER BY q.household, q.birth_year, q.id))[1:8] AS names
      FROM onemap.person q
     WHERE q.room_id = r.id AND q.place = r.place
  ) p ON true
 WHERE r.building_id = :building
 ORDER BY u.number, u.id, r.floor DESC, length(r.number), r.number
