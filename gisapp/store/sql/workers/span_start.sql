-- Purpose: the span that leads up to an instant: its first position (the one after the last long silence), the first
--          and the last position that were looked at.
-- Parameters: worker; at: the instant (not included); bound: nothing before this is looked at; silence: seconds.
-- Index used: fix's primary key (worker_id, at).
SELECT max(at) FILTER (WHERE before IS NULL OR at - before > make_interval(secs => :silence)) AS start,
       min(at) AS earliest, max(at) AS latest
  FROM (
    SELECT at, lag(at) OVER (ORDER BY at) AS before
      FROM onemap.fix
     WHERE worker_id = :worker AND at < :at AND at >= :bound
  ) AS stored
