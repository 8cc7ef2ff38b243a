// Layer switcher: groups of layers from the registry; the list is the legend as well.
import { el, symbol } from './dom.mjs';
import { ready } from './map.mjs';
import { isPhone, isSideways } from './phone.mjs';


export async function mount(host, { map: mapId = 'map' } = {}) {
  const body = el('div', { class: 'switcher-body' });
  const count = el('span', { class: 'count' });
  const fold = el('button', { class: 'icon-button', type: 'button', on: { click: () => setFolded(!host.classList.contains('folded')) } });
  const head = el('div', { class: 'switcher-head' }, el('h2', {}, '图层', count), fold);
  host.replaceChildren(el('section', { class: 'switcher-card floating', 'aria-label': '图层' }, el('button', { class: 'sheet-grip', type: 'button' }), head, body));
  setFolded(isPhone());
  body.append(el('div', { class: 'skeleton' }), el('div', { class: 'skeleton' }), el('div', { class: 'skeleton' }));

  const map = await ready(mapId);
  let layers = [];
  const open = new Set();
  try {
    layers = await load();
  } catch (error) {
    body.replaceChildren(el('p', { class: 'state-text', style: { padding: '1rem' } }, `图层列表没有取到：${error.message}`));
    return undefined;
  }
  // What moves and what is due is explained from the start; the rest when it is asked for.
  const explained = ['work', 'analysis'];
  for (const layer of layers) if (shown().has(layer.id) && explained.includes(layer.group)) open.add(layer.id);
  const known = new Map(layers.map((layer) => [layer.id, layer]));
  draw();

  const offs = [
    map.on('layers', draw),
    map.on('view', hints),
    map.on('style', async () => { layers = await load(); draw(); }),
  ];
  return () => offs.forEach((off) => off());

  function load() { return map.describeLayers(); }

  function setFolded(on) {
    host.classList.toggle('folded', on);
    fold.replaceChildren(symbol(on ? 'layers' : isPhone() ? (isSideways() ? 'close' : 'down') : 'fold'));
    fold.title = on ? '展开图层' : '收起图层';
    fold.setAttribute('aria-label', fold.title);
    fold.setAttribute('aria-expanded', String(!on));
  }

  function shown() { return new Set(map.state.layers); }

  function toggle(id, on) {
    const ids = shown();
    if (on) {
      ids.add(id);
      open.add(id);
    } else ids.delete(id);
    map.setLayers([...ids]);
    const layer = known.get(id);
    if (on && layer?.zooms && map.map.getZoom() < layer.zooms[0]) map.emit('hint', `${layer.title}放大后显示`);
  }

  function draw() {
    const on = shown();
    count.textContent = `已开 ${layers.filter((layer) => on.has(layer.id)).length}`;
    const groups = new Map();
    for (const layer of layers) {
      const name = layer.group_title ?? '图层';
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(layer);
    }
    const scroll = body.scrollTop;
    body.replaceChildren(...[...groups].map(([name, members]) => el(
      'fieldset', { class: 'switcher-group' }, el('legend', {}, name), members.flatMap((layer) => row(layer, on.has(layer.id))),
    )));
    body.scrollTop = scroll;
    hints();
  }

  function row(layer, on) {
    const id = `layer-${layer.id}`;
    const box = el('input', { type: 'checkbox', id, checked: on, data: { layer: layer.id }, role: 'switch', on: { change: (event) => toggle(layer.id, event.target.checked) } });
    const items = layer.legend?.items ?? [];
    const single = items.length === 1 ? swatch(items[0]) : null;
    const parts = [el('label', { for: id, title: layer.definition ?? '' }, box, el('span', {}, layer.title), single)];
    const wide = items.length > 1;
    const side = el('div', {}, el('span', { class: 'hint', data: { zoom: layer.zooms?.[0] ?? 0 } }));
    if (wide && on) {
      side.append(el('button', {
        type: 'button', class: 'more', 'aria-expanded': String(open.has(layer.id)), 'aria-label': `${layer.title}图例`,
        on: { click: () => { if (!open.delete(layer.id)) open.add(layer.id); draw(); } },
      }));
    }
    const made = [el('div', { class: on ? 'layer-row' : 'layer-row off' }, ...parts, side)];
    if (wide && on && open.has(layer.id)) {
      made.push(el('div', { class: 'layer-legend', data: { legend: layer.id } },
        items.map((item) => legendRow(layer, item)),
        layer.origin ? el('div', { class: 'origin' }, `来源：${layer.origin}`) : null));
    }
    return made;
  }

  // A class with a value of its own can be switched off; a range or a remark is only read.
  function legendRow(layer, item) {
    const field = (layer.fields ?? []).find((one) => one.roles.includes('legend'))?.name;
    if (!field || item.value === null || item.value === undefined) return el('div', {}, swatch(item), item.label);
    const value = String(item.value);
    const without = map.state.hidden.get(layer.id)?.values ?? [];
    const off = without.includes(value);
    return el('button', {
      type: 'button', 'aria-pressed': String(!off), title: off ? `显示${item.label}` : `隐藏${item.label}`,
      on: { click: () => { map.setHidden(layer.id, field, off ? without.filter((one) => one !== value) : [...without, value]); draw(); } },
    }, swatch(item), item.label);
  }

  function swatch(item) {
    return el('span', { class: `swatch ${item.symbol ?? 'circle'}`, style: { '--swatch': item.colour } });
  }

  // A layer that is on but not drawn at this zoom says so, instead of looking broken.
  function hints() {
    const zoom = map.map.getZoom();
    for (const hint of body.querySelectorAll('.hint')) {
      const on = hint.closest('.layer-row').querySelector('input').checked;
      hint.textContent = on && zoom < Number(hint.dataset.zoom) ? '放大后显示' : '';
    }
  }
}
