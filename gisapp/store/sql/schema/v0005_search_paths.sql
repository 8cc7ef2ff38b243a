-- Purpose: no function of the schema depends on the caller's search path any more. A restore runs with an empty one: there
--   tile_key did not find PostGIS, and every table with that column stayed empty (run by the fifth migration).
-- Parameters: none.
-- Index used: none.

-- Morton number of a geometry's representative point in the web-mercator tile grid of zoom 22 (44 bits).
-- Names in full instead of SET search_path, which would cost a third more on every row that is written.
CREATE OR REPLACE FUNCTION onemap.tile_key(g public.geometry) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  p public.geometry := CASE WHEN public.geometrytype(g) = 'POINT' THEN g ELSE public.st_pointonsurface(g) END;
  lat double precision := radians(least(85.05112877, greatest(-85.05112877, public.st_y(p))));
  x bigint := least(4194303, greatest(0, floor((public.st_x(p) + 180) / 360 * 4194304)));
  y bigint := least(4194303, greatest(0, floor((1 - ln(tan(lat) + 1 / cos(lat)) / pi()) / 2 * 4194304)));
BEGIN
  x := (x | (x << 16)) & 281470681808895;     y := (y | (y << 16)) & 281470681808895;
  x := (x | (x << 8)) & 71777214294589695;    y := (y | (y << 8)) & 71777214294589695;
  x := (x | (x << 4)) & 1085102592571150095;  y := (y | (y << 4)) & 1085102592571150095;
  x := (x | (x << 2)) & 3689348814741910323;  y := (y | (y << 2)) & 3689348814741910323;
  x := (x | (x << 1)) & 6148914691236517205;  y := (y | (y << 1)) & 6148914691236517205;
  RETURN x | (y << 1);
END
$$;

-- The reader's scope and id. A body in standard SQL is bound to what it names when the function is made, and is still put
-- into the statements that call it, which SET would prevent.
CREATE OR REPLACE FUNCTION onemap.scopes() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN current_setting('onemap.role', true) = 'device' THEN '{}'::text[]
       ELSE coalesce(nullif(current_setting('onemap.scopes', true), ''), '{}')::text[] END;

CREATE OR REPLACE FUNCTION onemap.reader_id() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('onemap.reader', true), ''), '0')::bigint;

ALTER FUNCTION onemap.refuse_rewrite() SET search_path = pg_catalog, pg_temp;
