-- Purpose: a grid holds from an instant to an instant, no longer by days (run by the sixth migration). A day that is stored
--   becomes its midnight in Asia/Shanghai. A version for a later day keeps that day, and why it could not take effect. Which
--   grid a worker had before it vanished is kept, because late positions are judged by the grids of their instant.
-- Parameters: none.
-- Index used: none.
ALTER TABLE onemap.grid
  ALTER COLUMN valid_from TYPE timestamptz USING valid_from::timestamp AT TIME ZONE 'Asia/Shanghai',
  ALTER COLUMN valid_to TYPE timestamptz USING valid_to::timestamp AT TIME ZONE 'Asia/Shanghai';
COMMENT ON COLUMN onemap.grid."valid_to" IS 'first instant at which it no longer holds; null while it holds';

ALTER TABLE onemap.grid_version ADD COLUMN planned_for date;
-- Planned is what was published for a day after that of its publication.
UPDATE onemap.grid_version SET planned_for = valid_from
 WHERE status = 'scheduled' OR valid_from > (published_at AT TIME ZONE 'Asia/Shanghai')::date;
ALTER TABLE onemap.grid_version ALTER COLUMN valid_from DROP NOT NULL;
ALTER TABLE onemap.grid_version ALTER COLUMN valid_from TYPE timestamptz
  USING CASE WHEN status <> 'scheduled' THEN valid_from::timestamp AT TIME ZONE 'Asia/Shanghai' END;
ALTER TABLE onemap.grid_version ADD COLUMN problem text NOT NULL DEFAULT '';
ALTER TABLE onemap.grid_version ADD COLUMN problem_since timestamptz;
COMMENT ON COLUMN onemap.grid_version."valid_from" IS 'instant at which it took effect; null while it is scheduled';
COMMENT ON COLUMN onemap.grid_version."planned_for" IS 'day that it was published for; null where it took effect at once';
COMMENT ON COLUMN onemap.grid_version."problem" IS 'why a scheduled version could not take effect; empty where nothing is known';
COMMENT ON COLUMN onemap.grid_version."problem_since" IS 'when that was found first';

CREATE TABLE onemap.worker_former_grid (
	worker_id BIGINT NOT NULL,
	place TEXT COLLATE "C" NOT NULL,
	until TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_worker_former_grid PRIMARY KEY (worker_id, until)
);
COMMENT ON COLUMN onemap.worker_former_grid."place" IS 'the grid that was the worker''s own';
COMMENT ON COLUMN onemap.worker_former_grid."until" IS 'first instant at which it no longer was';

-- Daily partitions of fixes for a range of local days (both ends included). Whoever waited for another who made the same
-- partition asks the catalogue itself: to_regclass() still answers from before the wait.
CREATE OR REPLACE FUNCTION onemap.ensure_fix_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = onemap, public, pg_temp AS $$
DECLARE
  day date := first;
  made integer := 0;
  name text;
BEGIN
  IF last - first > 800 THEN
    RAISE EXCEPTION 'too many days at once';
  END IF;
  WHILE day <= last LOOP
    name := 'fix_' || to_char(day, 'YYYYMMDD');
    IF to_regclass('onemap.' || name) IS NULL THEN
      PERFORM pg_advisory_xact_lock(hashtext('onemap.fix'));
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = name AND c.relnamespace = 'onemap'::regnamespace) THEN
        EXECUTE format(
          'CREATE TABLE onemap.%I PARTITION OF onemap.fix FOR VALUES FROM (%L) TO (%L)', name,
          (day::timestamp AT TIME ZONE 'Asia/Shanghai'), ((day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'));
        made := made + 1;
      END IF;
    END IF;
    day := day + 1;
  END LOOP;
  RETURN made;
END
$$;
