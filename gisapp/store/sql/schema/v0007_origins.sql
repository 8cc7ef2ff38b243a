-- Purpose: who brought a row is kept, so that numbers mean something only to the account that gave them; of a step, the
--   stated instant and whether a file brought it (run by the seventh migration).
-- Parameters: none.
-- Index used: none.
ALTER TABLE onemap.region ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.grid ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.building ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.address ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.poi ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.road ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.water ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.green ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.person ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.organisation ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.component ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.event ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
ALTER TABLE onemap.grid_worker ADD COLUMN source_account BIGINT, ADD COLUMN source_scope TEXT;
COMMENT ON COLUMN onemap.region.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.region.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.grid.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.grid.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.building.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.building.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.address.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.address.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.poi.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.poi.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.road.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.road.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.water.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.water.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.green.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.green.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.person.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.person.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.organisation.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.organisation.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.component.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.component.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.event.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.event.source_scope IS 'prefixes of that account''s scope, joined by commas';
COMMENT ON COLUMN onemap.grid_worker.source_account IS 'app_user.id of who brought it; 0: the command line';
COMMENT ON COLUMN onemap.grid_worker.source_scope IS 'prefixes of that account''s scope, joined by commas';

-- People and organisations are found by their own numbers, whatever the source.
DROP INDEX onemap.ux_person_source, onemap.ux_organisation_source;
DROP INDEX onemap.ux_building_source, onemap.ux_address_source, onemap.ux_poi_source, onemap.ux_road_source, onemap.ux_water_source, onemap.ux_green_source, onemap.ux_component_source, onemap.ux_event_source;
-- Two sources may give one number; a unique one would also stop the publication of grids that brings both into one grid.
ALTER TABLE onemap.address DROP CONSTRAINT uq_address_code_place;
ALTER TABLE onemap.event DROP CONSTRAINT uq_event_number_place;

-- Steps: what files brought is marked; an instant well before the recorded one was a stated one.
ALTER TABLE onemap.event_step ADD COLUMN stated_at TIMESTAMPTZ, ADD COLUMN imported BOOLEAN DEFAULT false NOT NULL;
COMMENT ON COLUMN onemap.event_step.at IS 'the instant that counts';
COMMENT ON COLUMN onemap.event_step.recorded_at IS 'when it was taken in';
COMMENT ON COLUMN onemap.event_step.stated_at IS 'what the terminal stated; null: nothing';
COMMENT ON COLUMN onemap.event_step.imported IS 'from a file, not done here';
ALTER TABLE onemap.event_step DISABLE TRIGGER USER;
UPDATE onemap.event_step s SET imported = true
  FROM onemap.event e
 WHERE e.id = s.event_id AND e.place = s.place AND s.note = '由文件导入' AND s.action IN ('report', 'close')
   AND e.source <> e.channel AND e.source_key IS NOT NULL;
UPDATE onemap.event_step s SET stated_at = s.at
  FROM onemap.event e
 WHERE e.id = s.event_id AND e.place = s.place AND NOT s.imported AND e.source = e.channel
   AND s.recorded_at - s.at > interval '1 minute';
ALTER TABLE onemap.event_step ENABLE TRIGGER USER;

-- Reports: an empty key is none; the others belong to who reported. The source of what is reported here is empty, which no
-- file's name is. One account may have used a key in two channels: the later case keeps it under a scope of its own.
UPDATE onemap.event SET source_key = NULL WHERE source = channel AND source_key ~ '^[\s\u200b-\u200f\u2060-\u2064\ufeff]*$';
WITH reported AS (
  SELECT e.id, e.place, s.actor_id, e.number,
         coalesce((SELECT array_to_string(u.scopes, ',') FROM onemap.app_user u WHERE u.id = s.actor_id), '') AS scope,
         row_number() OVER (PARTITION BY s.actor_id, e.source_key ORDER BY e.id) AS nth
    FROM onemap.event e
    JOIN onemap.event_step s ON s.event_id = e.id AND s.place = e.place AND s.number = 1 AND NOT s.imported
   WHERE e.source = e.channel
)
UPDATE onemap.event e
   SET source = '', source_account = r.actor_id,
       source_scope = CASE WHEN r.nth = 1 THEN r.scope ELSE r.scope || '#' || r.number END
  FROM reported r
 WHERE e.id = r.id AND e.place = r.place;

CREATE UNIQUE INDEX ux_building_source ON onemap.building (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_address_source ON onemap.address (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_poi_source ON onemap.poi (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_road_source ON onemap.road (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_water_source ON onemap.water (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_green_source ON onemap.green (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_component_source ON onemap.component (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_event_source ON onemap.event (source, source_key, source_account, source_scope);
CREATE UNIQUE INDEX ux_event_number ON onemap.event (number) WHERE source = '';
