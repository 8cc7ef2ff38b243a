-- Purpose: alerts that have come to their end.
-- Parameters: ids, instants: arrays of one length.
-- Index used: alert's primary key (id, place).
UPDATE onemap.alert SET returned_at = ended.at
  FROM unnest(CAST(:ids AS bigint[]), CAST(:instants AS timestamptz[])) AS ended(id, at)
 WHERE alert.id = ended.id
