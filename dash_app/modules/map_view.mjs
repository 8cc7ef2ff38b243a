// Fills the host of parts/map_view.py: opens the map and reports its events into the page's stores.
import { forget, init } from './map.mjs';

const report = (store, data) => window.dash_clientside?.set_props?.(store, { data });

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
  for (const name of options.report ?? []) {
    map.on(name, (detail) => report('map-event', { map: element.id, event: name, detail, at: Date.now() }));
  }
  return () => forget(element.id);
}
