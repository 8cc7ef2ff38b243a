-- Purpose: the spans that lead up to an instant of each worker: the first position (the one after the last long silence),
--          the first and the last position that were looked at.
-- Parameters: workers, instants (not included), bounds (nothing before is looked at): arrays of one length; first, last:
--             the least of the bounds and the greatest of the instants; silence: seconds.
-- Index used: fix's primary key (worker_id, at), in the partitions between first and last only.
SELECT asked.worker, span.start, span.earliest, span.latest
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[]), CAST(:bounds AS timestamptz[]))
       AS asked(worker, at, bound)
 CROSS JOIN LATERAL (
    SELECT max(at) FILTER (WHERE before IS NULL OR at - before > make_interval(secs => :silence)) AS start,
           min(at) AS earliest, max(at) AS latest
      FROM (
        SELECT fix.at, lag(fix.at) OVER (ORDER BY fix.at) AS before
          FROM onemap.fix
         WHERE fix.worker_id = asked.worker AND fix.at < asked.at AND fix.at >= asked.bound
           AND fix.at >= :first AND fix.at <= :last
      ) AS stored
 ) AS span
