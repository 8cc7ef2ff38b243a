-- Purpose: new flags of stored positions that were judged again because others came late.
-- Parameters: workers, instants, flags: arrays of one length; first, last: the least and the greatest of the instants.
-- Index used: fix's primary key (worker_id, at).
UPDATE onemap.fix SET flag = judged.flag
  FROM unnest(CAST(:workers AS bigint[]), CAST(:instants AS timestamptz[]), CAST(:flags AS text[]))
       AS judged(worker, at, flag)
 WHERE fix.worker_id = judged.worker AND fix.at = judged.at AND fix.at BETWEEN :first AND :last
