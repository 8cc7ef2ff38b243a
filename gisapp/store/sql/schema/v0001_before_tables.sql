-- Purpose: what the tables' own columns rest on.
-- Parameters: none (run by the first migration).
-- Index used: none.

-- Morton number of a geometry's representative point in the web-mercator tile grid of zoom 22 (44 bits).
CREATE OR REPLACE FUNCTION onemap.tile_key(g geometry) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  p geometry := CASE WHEN geometrytype(g) = 'POINT' THEN g ELSE st_pointonsurface(g) END;
  lat double precision := radians(least(85.05112877, greatest(-85.05112877, st_y(p))));
  x bigint := least(4194303, greatest(0, floor((st_x(p) + 180) / 360 * 4194304)));
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
