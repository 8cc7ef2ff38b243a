-- Purpose: the counts of the big screen, within the reader's scope.
-- Parameters: prefix: place key that narrows the scope, empty for all of it; today, tomorrow: bounds of the local day;
--             duty: instant since which a worker must have been heard of to count as on duty.
-- Index used: ix_building_population_place, ix_grid_worker_place, ix_event_open, ix_event_closed_at, ux_alert_open.
SELECT people.people, people.households, workers.workers, workers.on_duty, cases.open, cases.overdue,
       closed.closed, closed.in_time, alerts.alerts, alerts.alerts_today
  FROM (SELECT coalesce(sum(people), 0)::bigint AS people, coalesce(sum(households), 0)::bigint AS households
          FROM onemap.building_population WHERE place ^@ CAST(:prefix AS text)) AS people,
       (SELECT count(*) AS workers, count(*) FILTER (WHERE last_at >= :duty) AS on_duty
          FROM onemap.grid_worker WHERE active AND place ^@ CAST(:prefix AS text)) AS workers,
       (SELECT count(*) AS open, count(*) FILTER (WHERE due_at < now()) AS overdue
          FROM onemap.event WHERE closed_at IS NULL AND place ^@ CAST(:prefix AS text)) AS cases,
       (SELECT count(*) AS closed, count(*) FILTER (WHERE closed_at <= due_at) AS in_time
          FROM onemap.event
         WHERE closed_at >= :today AND closed_at < :tomorrow AND place ^@ CAST(:prefix AS text)) AS closed,
       (SELECT count(*) FILTER (WHERE returned_at IS NULL) AS alerts,
               count(*) FILTER (WHERE raised_at >= :today AND raised_at < :tomorrow) AS alerts_today
          FROM onemap.alert
         WHERE withdrawn_at IS NULL AND (returned_at IS NULL OR raised_at >= :today)
           AND place ^@ CAST(:prefix AS text)) AS alerts
