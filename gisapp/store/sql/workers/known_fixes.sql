-- Purpose: which of some positions are stored already.
-- Parameters: workers, instants (array literals of one length); first, last: the least and the greatest of the instants.
-- Index used: fix's primary key (worker_id, at), in the partitions between first and last only; one look for each
--             position (OFFSET 0), however young the day's statistics are.
SELECT message.worker, message.at
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[])) AS message(worker, at)
 CROSS JOIN LATERAL (
    SELECT FROM onemap.fix
     WHERE fix.worker_id = message.worker AND fix.at = message.at AND fix.at BETWEEN :first AND :last
    OFFSET 0
 ) AS stored
