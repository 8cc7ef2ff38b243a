-- Purpose: which of some positions are stored already.
-- Parameters: workers, instants (arrays of one length); first, last: the least and the greatest of the instants.
-- Index used: fix's primary key (worker_id, at), in the partitions between first and last only.
SELECT fix.worker_id, fix.at
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[])) AS message(worker, at)
  JOIN onemap.fix ON fix.worker_id = message.worker AND fix.at = message.at
 WHERE fix.at BETWEEN :first AND :last
