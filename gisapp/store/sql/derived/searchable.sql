-- Purpose: everything that is searched for by name within some prefixes, one row each; components only where they have a
--          name of their own (types of components, and cases, are looked for in their own tables).
-- Parameters: prefixes (text[]), kind (text, null for all), ids (bigint[], null for all of the kind), type_names (text[]).
-- Index used: ix_*_place where a prefix is narrow; primary keys where ids are given.
WITH wanted AS (
  SELECT CAST(:prefixes AS text[]) AS prefixes, CAST(:kind AS text) AS kind, CAST(:ids AS bigint[]) AS ids
)
SELECT 'region' AS kind, r.id, r.place, r.name AS title, r.place AS code, '' AS other,
       10 + r.level AS weight, st_pointonsurface(r.geom) AS geom
  FROM onemap.region r, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'region') AND (w.ids IS NULL OR r.id = ANY(w.ids)) AND r.place ^@ ANY(w.prefixes)
UNION ALL
SELECT 'grid', g.id, g.place, g.name, g.place, '', 26, st_pointonsurface(g.geom)
  FROM onemap.grid g, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'grid') AND (w.ids IS NULL OR g.id = ANY(w.ids)) AND g.place ^@ ANY(w.prefixes)
   AND g.valid_to IS NULL
UNION ALL
SELECT 'grid_worker', k.id, k.place, k.name, k.code, '', 28, k.last_geom
  FROM onemap.grid_worker k, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'grid_worker') AND (w.ids IS NULL OR k.id = ANY(w.ids)) AND k.place ^@ ANY(w.prefixes)
   AND k.active
UNION ALL
SELECT 'poi', o.id, o.place, o.name, '', o.kind, 30, o.geom
  FROM onemap.poi o, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'poi') AND (w.ids IS NULL OR o.id = ANY(w.ids)) AND o.place ^@ ANY(w.prefixes)
   AND o.name <> ''
UNION ALL
SELECT 'building', b.id, b.place,
       CASE WHEN b.estate <> '' AND NOT b.name ^@ b.estate THEN b.estate || b.name
            WHEN b.name <> '' THEN b.name ELSE b.code END, b.code, '', 34, st_pointonsurface(b.geom)
  FROM onemap.building b, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'building') AND (w.ids IS NULL OR b.id = ANY(w.ids)) AND b.place ^@ ANY(w.prefixes)
   AND (b.name <> '' OR b.estate <> '')
UNION ALL
SELECT 'address', a.id, a.place,
       CASE WHEN a.road || a.estate <> '' THEN a.road || a.plate || a.estate || a.building_no ELSE a.full_text END, a.code,
       array_to_string(a.aliases, ' '), 38, a.geom
  FROM onemap.address a, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'address') AND (w.ids IS NULL OR a.id = ANY(w.ids)) AND a.place ^@ ANY(w.prefixes)
   AND a.room = '' AND a.unit = ''
UNION ALL
SELECT 'organisation', c.id, c.place, c.name, c.credit_code, '', 40, c.geom
  FROM onemap.organisation c, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'organisation') AND (w.ids IS NULL OR c.id = ANY(w.ids)) AND c.place ^@ ANY(w.prefixes)
UNION ALL
SELECT 'component', p.id, p.place, p.name, p.code, '', 50,
       CASE WHEN geometrytype(p.geom) = 'POINT' THEN p.geom ELSE st_pointonsurface(p.geom) END
  FROM onemap.component p, wanted w
 WHERE (w.kind IS NULL OR w.kind = 'component') AND (w.ids IS NULL OR p.id = ANY(w.ids)) AND p.place ^@ ANY(w.prefixes)
   AND p.name <> '' AND p.name <> ALL(CAST(:type_names AS text[]))
