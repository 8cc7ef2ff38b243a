-- Purpose: the first position of the span that an instant belongs to: the one after the last long silence before it.
-- Parameters: worker; at: the instant; since: no earlier than this; silence: seconds.
-- Index used: fix's primary key (worker_id, at).
SELECT max(at) AS start, min(earliest) AS earliest FROM (
  SELECT at, lag(at) OVER (ORDER BY at) AS before, min(at) OVER () AS earliest
    FROM onemap.fix
   WHERE worker_id = :worker AND at < :at AND at >= :since
) AS stored
 WHERE before IS NULL OR at - before > make_interval(secs => :silence)
