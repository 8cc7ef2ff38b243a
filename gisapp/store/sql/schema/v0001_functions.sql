-- Purpose: functions that policies and triggers of the schema rest on.
-- Parameters: none (run by the first migration).
-- Index used: none.

-- The reader's scope: prefixes that the transaction carries; none means that nothing is seen.
CREATE OR REPLACE FUNCTION onemap.scopes() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('onemap.scopes', true), ''), '{}')::text[]
$$;

-- The reader's id in app_user; 0 for the system.
CREATE OR REPLACE FUNCTION onemap.reader_id() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('onemap.reader', true), ''), '0')::bigint
$$;

-- A row of changes for every statement that changes a family of data.
CREATE OR REPLACE FUNCTION onemap.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
BEGIN
  INSERT INTO onemap.data_change(family) VALUES (TG_TABLE_NAME);
  PERFORM pg_notify('onemap', json_build_object('kind', 'revision', 'family', TG_TABLE_NAME)::text);
  RETURN NULL;
END
$$;

-- Revision of families of data in this snapshot.
CREATE OR REPLACE FUNCTION onemap.revision(families text[]) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
  SELECT coalesce(sum(n), 0)::bigint FROM onemap.data_change WHERE family = ANY(families)
$$;

-- Fold the rows of changes of each family into one; the revision stays the same.
CREATE OR REPLACE FUNCTION onemap.fold_changes() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
  WITH gone AS (DELETE FROM onemap.data_change RETURNING family, n)
  INSERT INTO onemap.data_change(family, n) SELECT family, sum(n) FROM gone GROUP BY family
$$;

-- Append-only tables: only the place key may follow its parent.
CREATE OR REPLACE FUNCTION onemap.refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'place' = to_jsonb(OLD) - 'place' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'append-only table %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

-- Daily partitions of fixes for a range of local days (both ends included).
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
      IF to_regclass('onemap.' || name) IS NULL THEN
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

-- Personal fields of one person, for a stated purpose; every look is recorded with who, what and why.
CREATE OR REPLACE FUNCTION onemap.reveal_person(person_id bigint, purpose text)
RETURNS TABLE(name text, id_number text, phone text, birth_date date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
DECLARE
  found_place text;
BEGIN
  IF length(trim(coalesce(purpose, ''))) < 2 THEN
    RAISE EXCEPTION 'a purpose is required' USING ERRCODE = 'check_violation';
  END IF;
  SELECT p.place INTO found_place FROM onemap.person p
   WHERE p.id = person_id AND p.place ^@ ANY(onemap.scopes());
  IF found_place IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO onemap.look(place, user_id, kind, subject_id, fields, purpose)
  VALUES (found_place, onemap.reader_id(), 'person', person_id, '{name,id_number,phone,birth_date}', purpose);
  RETURN QUERY SELECT p.name, p.id_number, p.phone, p.birth_date FROM onemap.person p WHERE p.id = person_id;
END
$$;

-- Count people by building again, for the buildings within some prefixes.
CREATE OR REPLACE FUNCTION onemap.refresh_population(prefixes text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = onemap, public, pg_temp AS $$
BEGIN
  DELETE FROM onemap.building_population WHERE place ^@ ANY(prefixes);
  INSERT INTO onemap.building_population
    (place, building_id, people, households, registered, resident, floating, elders, children, geom)
  SELECT b.place, b.id, s.people, s.households, s.registered, s.resident, s.floating, s.elders, s.children,
         st_pointonsurface(b.geom)
    FROM (
      SELECT r.building_id, count(*) AS people, count(DISTINCT (p.room_id, p.household)) AS households,
             count(*) FILTER (WHERE p.residence = 'registered') AS registered,
             count(*) FILTER (WHERE p.residence = 'resident') AS resident,
             count(*) FILTER (WHERE p.residence = 'floating') AS floating,
             count(*) FILTER (WHERE p.birth_date <= current_date - interval '60 years') AS elders,
             count(*) FILTER (WHERE p.birth_date > current_date - interval '14 years') AS children
        FROM onemap.person p JOIN onemap.room r ON r.id = p.room_id AND r.place = p.place
       WHERE p.place ^@ ANY(prefixes)
       GROUP BY r.building_id
    ) s JOIN onemap.building b ON b.id = s.building_id;
END
$$;

-- The next case number of a local day: YYYYMMDD and a serial number of at least five digits. It looks past the
-- reader's scope, so that two streets never give one number twice; one writer at a time until the commit.
CREATE OR REPLACE FUNCTION onemap.next_event_number(at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
DECLARE
  day text := to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD');
  serial text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('onemap.event_number'), day::integer);
  SELECT (coalesce(max(substr(e.number, 9)::bigint), 0) + 1)::text INTO serial
    FROM onemap.event e
   WHERE e.number >= day AND e.number < day || ':' AND substr(e.number, 9) ~ '^[0-9]+$';
  RETURN day || lpad(serial, greatest(5, length(serial)), '0');
END
$$;

-- Which people of a list are registered already within the reader's scope: identity numbers are asked for, never given out.
CREATE OR REPLACE FUNCTION onemap.known_people(id_numbers text[])
RETURNS TABLE(id_number text, id bigint, place text, digest text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = onemap, pg_temp AS $$
  SELECT p.id_number, p.id, p.place, p.digest FROM onemap.person p
   WHERE p.id_number = ANY(id_numbers) AND p.place ^@ ANY(onemap.scopes())
$$;
