-- Purpose: longitude, latitude and number of residents of a kind of each building of a place, as one run of doubles.
--          {count} is one of the counting columns of building_population, put in by the caller from a fixed list.
-- Parameters: place (prefix).
-- Index used: ix_building_population_place.
SELECT string_agg(float8send(ST_X(geom)) || float8send(ST_Y(geom)) || float8send({count}), ''::bytea)
  FROM onemap.building_population
 WHERE place ^@ :place AND {count} > 0
