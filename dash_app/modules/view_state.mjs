// What a link carries: #m=zoom/lat/lon/bearing/pitch&l=layer,layer&s=kind:id&t=from/to&h=layer.field.value.value,…
// Reading never throws: a hand-made link gives what can be understood of it.

const number = (text, low, high) => {
  const value = Number(text);
  return text !== '' && Number.isFinite(value) && value >= low && value <= high ? value : null;
};

export function read(hash = window.location.hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const state = {};
  const [zoom, lat, lon, bearing = '0', pitch = '0'] = (given.get('m') ?? '').split('/');
  const view = [number(zoom, 0, 24), number(lat ?? '', -90, 90), number(lon ?? '', -180, 180)];
  if (!view.includes(null)) {
    state.view = {
      zoom: view[0], center: [view[2], view[1]], bearing: number(bearing, -360, 360) ?? 0, pitch: number(pitch, 0, 85) ?? 0,
    };
  }
  if (given.has('l')) state.layers = given.get('l').split(',').filter(Boolean);
  const selected = /^([a-z_]+):(.+)$/.exec(given.get('s') ?? '');
  if (selected) state.selection = { kind: selected[1], id: selected[2] };
  const time = /^(\d{4}-\d\d-\d\d)\/(\d{4}-\d\d-\d\d)$/.exec(given.get('t') ?? '');
  if (time) state.time = { from: time[1], to: time[2] };
  for (const part of (given.get('h') ?? '').split(',').filter(Boolean)) {
    const [layer, field, ...values] = part.split('.');
    if (field && values.length) (state.hidden ??= {})[layer] = { field, values: values.map(decodeURIComponent) };
  }
  return state;
}

export function write(state) {
  const parts = [];
  if (state.view) {
    const { zoom, center, bearing, pitch } = state.view;
    const tail = bearing || pitch ? `/${bearing.toFixed(1)}/${pitch.toFixed(0)}` : '';
    parts.push(`m=${zoom.toFixed(2)}/${center[1].toFixed(5)}/${center[0].toFixed(5)}${tail}`);
  }
  if (state.layers) parts.push(`l=${state.layers.join(',')}`);
  if (state.selection) parts.push(`s=${state.selection.kind}:${encodeURIComponent(state.selection.id)}`);
  if (state.time) parts.push(`t=${state.time.from}/${state.time.to}`);
  const hidden = Object.entries(state.hidden ?? {}).map(([layer, { field, values }]) => [layer, field, ...values.map(encodeURIComponent)].join('.'));
  if (hidden.length) parts.push(`h=${hidden.join(',')}`);
  return `#${parts.join('&')}`;
}

// A move of the map replaces the entry; a step of the user (selection, search) makes one that Back returns from.
export function store(state, { step = false } = {}) {
  const hash = write(state);
  if (hash === window.location.hash) return;
  const address = `${window.location.pathname}${window.location.search}${hash}`;
  if (step) window.history.pushState(window.history.state, '', address);
  else window.history.replaceState(window.history.state, '', address);
}
