-- Purpose: the runs of one worker's fixes on one local day as lines; a gap of five minutes ends a run, jumps are left out.
-- Parameters: worker (id in grid_worker), day (first instant of the day).
-- Index used: primary key (worker_id, at) of the day's partition.
SELECT min(f.worker_id) * 10000 + f.run AS id, min(f.worker_id) AS worker,
       extract(epoch FROM min(f.at))::bigint AS "from", extract(epoch FROM max(f.at))::bigint AS "to",
       count(*) AS fixes, round(st_length(st_makeline(f.geom ORDER BY f.at)::geography(linestring, 4490)))::bigint AS metres,
       st_makeline(f.geom ORDER BY f.at) AS geom
  FROM (
    SELECT g.worker_id, g.at, g.geom, sum(g.first::integer) OVER (ORDER BY g.at) AS run
      FROM (
        SELECT x.worker_id, x.at, x.geom,
               coalesce(x.at - lag(x.at) OVER (ORDER BY x.at) > interval '5 minutes', true) AS first
          FROM onemap.fix x
         WHERE x.worker_id = {parameter:worker} AND x.at >= {parameter:day} AND x.at < {parameter:day} + interval '1 day'
           AND x.flag <> 'jump'
      ) g
  ) f
 GROUP BY f.run
HAVING count(*) > 1
