-- Purpose: positions that do not have the key of the grid of their instant: worker and instant, key, and the right key. Right is
--   also what was in force at that instant as far as it was known when the position was received: a version of an earlier
--   day can have been stored later, and facts keep their key.
-- Parameters: prefix (place key that narrows, empty for all), every (one of so many positions is looked at).
-- Index used: none; every position is read, one of so many is judged.
WITH chosen AS MATERIALIZED (
  SELECT worker_id, at, place, received_at, geom AS point FROM onemap.fix
   WHERE place ^@ CAST(:prefix AS text)
     AND (:every = 1 OR mod(abs(CAST(hashint8(worker_id # CAST(extract(epoch FROM at) AS bigint)) AS bigint)), :every) = 0)
),
doubtful AS MATERIALIZED (
  SELECT c.*, own.geom AS own
    FROM chosen c
    LEFT JOIN onemap.grid own ON own.place = c.place AND own.valid_from <= c.at
                             AND (own.valid_to IS NULL OR own.valid_to > c.at)
   WHERE NOT coalesce(ST_ContainsProperly(own.geom, c.point), false)
),
version AS (
  -- When it took effect: a version of an earlier day with its publication, a planned one on its day.
  SELECT place AS community, version, valid_from, greatest(valid_from, published_at) AS known_at FROM onemap.grid_version
),
judged AS (
  SELECT d.*,
         (SELECT min(g.place) FROM onemap.grid g
           WHERE g.valid_from <= d.at AND (g.valid_to IS NULL OR g.valid_to > d.at)
             AND g.geom && d.point AND ST_Intersects(g.geom, d.point)) AS code,
         (SELECT min(g.place) FROM onemap.grid g LEFT JOIN version v USING (community, version)
           WHERE g.valid_from <= d.at AND coalesce(v.known_at, '-infinity') <= d.received_at
             AND g.geom && d.point AND ST_Intersects(g.geom, d.point)
             AND NOT EXISTS (SELECT 1 FROM version w
                              WHERE w.community = g.community AND w.version > g.version AND w.valid_from <= d.at
                                AND w.known_at <= d.received_at)) AS known
    FROM doubtful d
)
SELECT worker_id || ' ' || to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US') AS id,
       place AS stored, code AS wanted
  FROM judged
 WHERE place IS DISTINCT FROM code AND place IS DISTINCT FROM known
   AND NOT ((code IS NULL OR known IS NULL) AND length(place) < 15)
   AND NOT coalesce(ST_DWithin(own, point, 2e-9)
                    AND (NOT ST_Intersects(own, point) OR left(code, 12) <> left(place, 12)), false)
 ORDER BY judged.at, judged.worker_id
