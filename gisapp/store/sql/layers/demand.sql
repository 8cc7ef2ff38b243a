-- Purpose: cases by H3 cell, added up over the chosen days and the reader's grids; coarser cells for lower zooms.
-- Parameters: from, to (instants, half-open, may be NULL); box and zoom of the tile.
-- Index used: ix_hexagon_geom, then the unique key (cell, day, place) of demand_cell.
SELECT row_number() OVER (ORDER BY h.cell) AS id, n.n, n.n || ' 件' AS name, h.geom
  FROM onemap.hexagon h
 CROSS JOIN LATERAL (
   SELECT sum(d.n)::integer AS n FROM onemap.demand_cell d
    WHERE d.cell = h.cell
      AND (CAST({parameter:from} AS timestamptz) IS NULL
           OR d.day >= (CAST({parameter:from} AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date)
      AND (CAST({parameter:to} AS timestamptz) IS NULL
           OR d.day < (CAST({parameter:to} AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date)
   OFFSET 0) n
 WHERE h.resolution = CASE WHEN {zoom} < 12 THEN 8 WHEN {zoom} < 14 THEN 9 ELSE 10 END
   AND h.geom && st_makeenvelope({west}, {south}, {east}, {north}, 4490)
   AND n.n > 0
