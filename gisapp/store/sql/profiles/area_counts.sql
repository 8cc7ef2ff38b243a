-- Purpose: the numbers of a place and all below it, for its profile.
-- Parameters: prefix (place key), below (number of digits of the regions right below).
-- Index used: ix_*_place by range, ix_event_open, ix_density_place.
SELECT coalesce((SELECT sum(people) FROM onemap.building_population WHERE place >= :prefix AND place < :prefix || ':'), 0) AS people,
       coalesce((SELECT sum(households) FROM onemap.building_population WHERE place >= :prefix AND place < :prefix || ':'), 0) AS households,
       coalesce((SELECT sum(elders) FROM onemap.building_population WHERE place >= :prefix AND place < :prefix || ':'), 0) AS elders,
       coalesce((SELECT sum(children) FROM onemap.building_population WHERE place >= :prefix AND place < :prefix || ':'), 0) AS children,
       (SELECT count(*) FROM onemap.building WHERE place >= :prefix AND place < :prefix || ':') AS buildings,
       (SELECT count(*) FROM onemap.organisation WHERE place >= :prefix AND place < :prefix || ':') AS organisations,
       (SELECT count(*) FROM onemap.poi WHERE place >= :prefix AND place < :prefix || ':') AS places,
       coalesce((SELECT sum(n) FROM onemap.density
                  WHERE place >= :prefix AND place < :prefix || ':' AND layer = 'component' AND cell_zoom = 16), 0) AS components,
       (SELECT count(*) FROM onemap.event
         WHERE place >= :prefix AND place < :prefix || ':' AND closed_at IS NULL) AS open_cases,
       (SELECT count(*) FROM onemap.event
         WHERE place >= :prefix AND place < :prefix || ':' AND closed_at IS NULL AND due_at < now()) AS overdue_cases,
       (SELECT count(*) FROM onemap.event
         WHERE place >= :prefix AND place < :prefix || ':' AND reported_at >= now() - interval '30 days') AS recent_cases,
       (SELECT count(*) FROM onemap.grid_worker WHERE place >= :prefix AND place < :prefix || ':' AND active) AS workers,
       (SELECT count(*) FROM onemap.grid
         WHERE place >= :prefix AND place < :prefix || ':' AND place <> :prefix AND valid_to IS NULL) AS grids,
       (SELECT count(*) FROM onemap.region WHERE place > :prefix AND place < :prefix || ':' AND level = :below) AS regions
