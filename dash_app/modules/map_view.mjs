// Fills the host of parts/map_view.py: opens the map and reports its events into the page's stores.
import { forget, init } from './map.mjs';

const report = (store, data) => window.dash_clientside?.set_props?.(store, { data });

// The server's push: workers move, alerts pulse and open the track that proves them, changed tiles are drawn anew.
async function follow(map) {
  const [{ connect }, { attach, hideEvidence, showEvidence }] = await Promise.all([import('./feed.mjs'), import('./live_map.mjs')]);
  const feed = connect();
  const onAlert = (alert) => {
    showEvidence(map, alert.id).catch((error) => map.emit('error', { message: error.message }));
    if (alert.worker) map.select({ kind: 'grid_worker', id: String(alert.worker), from: 'map' });
  };
  attach(map, feed, { onAlert });
  map.on('select', (selection) => { if (!selection) hideEvidence(map); });
  map.on('close', () => feed.close());
}

export async function mount(element, options) {
  const bounds = options.bounds ?? undefined;
  element.classList.add('is-loading');
  let map;
  try {
    map = await init(element.id, { ...options, bounds });
  } catch (error) {
    element.classList.remove('is-loading');
    element.classList.add('is-failed');
    element.dataset.message = navigator.onLine ? '地图未能打开：样式或显卡加速不可用。请刷新页面。' : '没有网络，地图未能打开。连接后请刷新页面。';
    console.error('onemap: map did not open', error);
    return undefined;
  }
  element.classList.remove('is-loading');
  if (element.id === 'map') {
    map.on('select', (selection) => report('selection', selection));
    if (map.state.selection) report('selection', { ...map.state.selection, from: 'link' });
  }
  if (options.live) await follow(map);
  for (const name of options.report ?? []) {
    map.on(name, (detail) => report('map-event', { map: element.id, event: name, detail, at: Date.now() }));
  }
  return () => forget(element.id);
}
