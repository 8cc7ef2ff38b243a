// The legend of a map without a layer switcher: what the page draws itself, then the registry's layers that are on.
// Everything comes from the definitions that also give the map its colours; nothing is written here.
import { el, symbol } from './dom.mjs';
import { ready } from './map.mjs';
import { isPhone } from './phone.mjs';

// On a smaller map (CSS pixels) the legend begins with what the page draws itself, and folded where that is nothing.
const ROOM = { width: 1000, height: 760 };
const FIRST = ['analysis', 'work', 'registers']; // groups whose layers are explained before the others
const quiet = ({ group, legend }) => group === 'base' || legend.items.length === 1 || (group === 'places' && legend.items.every(({ symbol: sign }) => sign === 'line' || sign === 'dashed'));

export const swatch = (item) => el('span', { class: `swatch ${item.symbol ?? 'circle'}`, style: { '--swatch': item.colour } });

// Sections of the legend of a map: [{title, items, note, origin, flow}]; flow: one item after the other, not one a line.
export function sections(map, layers) {
  const on = new Set(map.state.layers);
  const drawn = layers.filter((layer) => on.has(layer.id) && layer.legend?.items.length);
  const zoom = map.map.getZoom();
  const made = [...map.legends.values()];
  const order = ({ group }) => (FIRST.includes(group) ? FIRST.indexOf(group) : FIRST.length);
  for (const layer of drawn.filter((one) => !quiet(one)).sort((a, b) => order(a) - order(b))) {
    const without = map.state.hidden.get(layer.id)?.values ?? [];
    const items = layer.legend.items.filter((item) => !without.includes(item.of || String(item.value)));
    made.push({ title: layer.legend.title, items, origin: layer.origin, note: zoom < layer.zooms[0] ? '放大后显示' : '', flow: true });
  }
  const brief = drawn.filter(quiet);
  const items = brief.flatMap(({ legend }) => legend.items);
  if (items.length) made.push({ title: '底图', items, flow: true });
  return made;
}

export async function mount(host, { map: mapId = 'map', start = 'whole' } = {}) {
  const key = `legend:${window.location.pathname}`;
  const body = el('div', { class: 'map-legend-body' });
  const fold = el('button', { class: 'map-legend-fold', type: 'button', on: { click: () => setFolded(!host.classList.contains('folded'), true) } }, '图例', symbol('down'));
  host.replaceChildren(fold, body);
  const map = await ready(mapId);
  let layers = [];
  const { clientWidth: width, clientHeight: height } = map.element;
  const small = start !== 'whole' || width < ROOM.width || height < ROOM.height;
  host.classList.toggle('small', small);
  const draw = () => {
    setFolded((localStorage.getItem(key) ?? String(start === 'folded' || (small && (isPhone() || map.legends.size === 0)))) === 'true');
    body.replaceChildren(...sections(map, layers).map(section));
  };
  draw();
  const load = async () => {
    layers = await map.describeLayers();
    draw();
  };
  const offs = [map.on('layers', draw), map.on('legend', draw), map.on('view', draw), map.on('style', load)];
  await load().catch(() => body.replaceChildren(el('p', { class: 'map-legend-note' }, '图例没有取到，请刷新页面。')));
  return () => offs.forEach((off) => off());

  function setFolded(on, keep = false) {
    host.classList.toggle('folded', on);
    fold.setAttribute('aria-expanded', String(!on));
    fold.title = on ? '展开图例' : '收起图例';
    if (!keep) return;
    localStorage.setItem(key, String(on));
    host.classList.remove('small'); // who asks for it gets all of it
  }
}

function section({ title, items, note, origin, flow }) {
  return el(
    'section', { class: flow ? 'map-legend-section flow' : 'map-legend-section' },
    el('b', {}, title), items.map((item) => el('div', {}, swatch(item), item.label)),
    note ? el('p', { class: 'map-legend-note' }, note) : null,
    origin ? el('p', { class: 'map-legend-note' }, `来源：${origin}`) : null,
  );
}
