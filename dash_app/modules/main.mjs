// Entry of our modules: resolves window.onemapReady with the map API and mounts whatever the page asks for.
import * as maps from './map.mjs';
import { start } from './mount.mjs';
import * as selection from './selection.mjs';

window.onemapResolve({ ...maps, selection });
start();
