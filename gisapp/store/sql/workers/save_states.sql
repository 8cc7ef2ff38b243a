-- Purpose: what the rules remember of workers.
-- Parameters: rule; workers, places, instants, states (JSON texts): arrays of one length.
-- Index used: rule_state's primary key (rule, worker_id).
INSERT INTO onemap.rule_state (rule, worker_id, place, at, state)
SELECT :rule, worker, place, at, CAST(state AS jsonb)
  FROM unnest(CAST(:workers AS bigint[]), CAST(:places AS text[]), CAST(:instants AS timestamptz[]),
              CAST(:states AS text[])) AS memory(worker, place, at, state)
ON CONFLICT (rule, worker_id) DO UPDATE SET place = excluded.place, at = excluded.at, state = excluded.state
