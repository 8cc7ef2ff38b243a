-- Purpose: stored addresses by normalised text; a text that stands for several buildings is left out.
-- Parameters: texts (normalised as services/importing/addresses.py does), prefix (regular expression of region names
--             that may stand before an address).
-- Index used: none; the addresses within the reader's scope are read once.
WITH wanted AS (SELECT DISTINCT unnest(CAST(:texts AS text[])) AS plain),
known AS (
  SELECT regexp_replace(
           regexp_replace(regexp_replace(lower(normalize(written, NFKC)), '[\s,，、。;；]+', '', 'g'),
                          '(栋|座|号楼)', '幢', 'g'),
           :prefix, '') AS plain,
         a.building_id, a.place, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat, a.unit, a.room
    FROM onemap.address a, unnest(a.full_text || a.aliases) AS written
)
SELECT plain, min(building_id) AS building_id, min(place) AS place, avg(lon) AS lon, avg(lat) AS lat,
       min(unit) AS unit, min(room) AS room
  FROM known JOIN wanted USING (plain)
 GROUP BY plain
HAVING count(DISTINCT building_id) <= 1 AND count(DISTINCT (unit, room)) = 1 AND count(DISTINCT place) = 1
