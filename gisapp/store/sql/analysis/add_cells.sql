-- Purpose: keep the cells of a hotspot run, all in one statement.
-- Parameters: run, place; cell, count, z, p, significant, class, outline (hexadecimal EWKB): arrays of equal length.
-- Index used: none.
INSERT INTO onemap.hotspot_cell (place, run_id, run_place, cell, count, z, p, significant, "class", geom)
SELECT :place, :run, :place, c.cell, c.count, c.z, c.p, c.significant, c.class, c.outline::geometry
  FROM unnest(CAST(:cell AS bigint[]), CAST(:count AS float8[]), CAST(:z AS float8[]), CAST(:p AS float8[]),
              CAST(:significant AS boolean[]), CAST(:class AS text[]), CAST(:outline AS text[]))
    AS c(cell, count, z, p, significant, class, outline)
