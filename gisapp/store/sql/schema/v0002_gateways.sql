-- Purpose: gateways (role device) report positions and read nothing; digests of people are made anew with a key.
-- Parameters: none (run by the second migration).
-- Index used: none.

-- The reader's scope: prefixes that the transaction carries; none means that nothing is seen. A gateway's scope says for
-- whom it may report: whatever the transaction carries, nothing is seen in it.
CREATE OR REPLACE FUNCTION onemap.scopes() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN current_setting('onemap.role', true) = 'device' THEN '{}'::text[]
         ELSE coalesce(nullif(current_setting('onemap.scopes', true), ''), '{}')::text[] END
$$;

-- The account that the simulator reports through was an administrator, for want of a role of its own.
UPDATE onemap.app_user SET role = 'device' WHERE login = 'device' AND role = 'admin';

-- Without a key these could be tried out number by number. The next import of the same people writes them anew.
UPDATE onemap.person SET digest = NULL WHERE digest IS NOT NULL;
