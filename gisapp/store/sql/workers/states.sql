-- Purpose: what the rules remember of workers.
-- Parameters: rule; workers: array literal of ids.
-- Index used: rule_state's primary key (rule, worker_id).
SELECT worker_id, place, at, state
  FROM onemap.rule_state
 WHERE rule = :rule AND worker_id = ANY(CAST(:workers AS bigint[]))
