-- Purpose: what the rules remember of workers.
-- Parameters: rule; workers, places, instants: array literals of one length; states: a JSON array of the same length.
-- Index used: rule_state's primary key (rule, worker_id).
INSERT INTO onemap.rule_state (rule, worker_id, place, at, state)
SELECT :rule, worker, place, at, state
  FROM ROWS FROM (unnest(CAST(:workers AS bigint[])), unnest(CAST(:places AS text[])),
                  unnest(CAST(:instants AS timestamptz[])), jsonb_array_elements(CAST(:states AS jsonb)))
       AS memory(worker, place, at, state)
ON CONFLICT (rule, worker_id) DO UPDATE SET place = excluded.place, at = excluded.at, state = excluded.state
