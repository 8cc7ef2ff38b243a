// Entry of our modules: resolves window.onemapReady with the map API and mounts whatever the page asks for.
import { prewarm } from 'maplibre-gl';
import * as line from './line.mjs';
import * as maps from './map.mjs';
import { start } from './mount.mjs';
import * as sheet from './sheet.mjs';
import * as selection from './selection.mjs';
import { load } from './style.mjs';

// While Dash is still being read, the map's workers start and its style is on the way.
if (window.location.pathname !== '/sign-in') {
  prewarm();
  load(maps.theme()).catch(() => {});
}

window.onemapResolve({ ...maps, selection });
start();
sheet.start();
line.start();
