// The chosen analysis on the map: hexagons by Gi* class or service points, and the cell that is looked at.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.onemapAnalysis = (() => {
  const EMPTY = { type: 'FeatureCollection', features: [] };
  // As layers/colours.py: ColorBrewer RdBu, pale where nothing is significant.
  const CLASSES = ['match', ['get', 'class'], 'hot_99', '#b2182b', 'hot_95', '#d6604d', 'hot_90', '#f4a582', 'cold_90', '#92c5de', 'cold_95', '#4393c3', 'cold_99', '#2166ac'];
  const known = new Map(); // run → GeoJSON
  let drawn = null;
  let sites = [];

  const dark = (theme) => theme !== 'light';
  const cells = (theme) => [
    { type: 'fill', paint: { 'fill-color': [...CLASSES, dark(theme) ? '#a9bacb' : '#5d7086'], 'fill-opacity': ['match', ['get', 'class'], 'none', 0.14, 0.74], 'fill-antialias': false } },
    { type: 'line', paint: { 'line-color': dark(theme) ? '#0b1420' : '#ffffff', 'line-opacity': ['match', ['get', 'class'], 'none', 0.3, 0.8], 'line-width': ['interpolate', ['linear'], ['zoom'], 11, 0.3, 16, 1.4] } },
  ];
  const numbers = () => [
    { type: 'symbol', minzoom: 15, filter: ['!=', ['get', 'class'], 'none'], layout: { 'text-field': ['to-string', ['get', 'count']], 'text-font': ['Noto Sans CJK SC', 'sans-serif'], 'text-size': 12 }, paint: { 'text-color': '#ffffff', 'text-halo-color': '#0b1420', 'text-halo-width': 1.4 } },
  ];
  const chosen = (theme) => [
    { type: 'line', paint: { 'line-color': dark(theme) ? '#ffffff' : '#13202e', 'line-width': 3 } },
  ];
  const stations = (theme) => {
    const accent = dark(theme) ? '#3fb6ff' : '#0a6ebd';
    const ground = dark(theme) ? '#0b1420' : '#ffffff';
    const fresh = ['!', ['get', 'existing']];
    return [
      { type: 'circle', filter: ['get', 'picked'], paint: { 'circle-radius': 24, 'circle-color': accent, 'circle-opacity': 0.22, 'circle-stroke-color': accent, 'circle-stroke-width': 2 } },
      { type: 'circle', filter: ['get', 'existing'], paint: { 'circle-radius': 7, 'circle-color': ground, 'circle-stroke-color': dark(theme) ? '#a9bacb' : '#5d7086', 'circle-stroke-width': 3 } },
      { type: 'circle', filter: fresh, paint: { 'circle-radius': 14, 'circle-color': accent, 'circle-stroke-color': ground, 'circle-stroke-width': 2.5 } },
      { type: 'symbol', filter: fresh, layout: { 'text-field': ['to-string', ['get', 'rank']], 'text-font': ['Noto Sans CJK SC', 'sans-serif'], 'text-size': 14, 'text-allow-overlap': true }, paint: { 'text-color': dark(theme) ? '#04121d' : '#ffffff' } },
      { type: 'symbol', layout: { 'text-field': ['get', 'name'], 'text-font': ['Noto Sans CJK SC', 'sans-serif'], 'text-size': 13, 'text-anchor': 'left', 'text-offset': [1.4, 0], 'text-optional': true }, paint: { 'text-color': dark(theme) ? '#e9f0f7' : '#13202e', 'text-halo-color': ground, 'text-halo-width': 1.8 } },
    ];
  };

  async function load(run) {
    if (!known.has(run)) {
      if (known.size > 4) known.clear();
      const answer = fetch(`/api/v1/analysis/runs/${run}/cells`).then((response) => {
        if (!response.ok) throw new Error(`cells ${response.status}`);
        return response.json();
      });
      known.set(run, answer);
      answer.catch(() => known.delete(run));
    }
    return known.get(run);
  }

  function points(rows, picked) {
    const features = (rows || []).map((row) => ({
      type: 'Feature',
      id: row.id,
      properties: { rank: row.rank, name: row.name, existing: row.existing, picked: row.id === picked },
      geometry: { type: 'Point', coordinates: [row.lon, row.lat] },
    }));
    return { type: 'FeatureCollection', features };
  }

  // Numbers stand at points: those of outlines would stand once in every tile that an outline is cut into.
  function middles({ features }) {
    const middle = ([ring]) => [0, 1].map((axis) => ring.slice(1).reduce((sum, corner) => sum + corner[axis], 0) / (ring.length - 1));
    const points = features.map(({ properties, geometry }) => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: middle(geometry.coordinates) } }));
    return { type: 'FeatureCollection', features: points };
  }

  // A click on a cell chooses it; one beside all cells lets go.
  function listen(map) {
    map.map.on('click', ({ point }) => {
      const layers = map.map.getStyle().layers.filter((l) => l.source === 'overlay:analysis-cells').map((l) => l.id);
      if (!drawn || !layers.length) return;
      const [feature] = map.map.queryRenderedFeatures(point, { layers });
      window.dash_clientside.set_props('analysis-picked', { data: { cell: feature ? feature.properties.id : null, at: Date.now() } });
    });
  }

  async function show(shown, search) {
    const stay = window.dash_clientside.no_update;
    const api = await window.onemapReady;
    if (!document.getElementById('analysis-result')) return stay;
    const map = await api.ready('map');
    if (!map.element.isConnected) return stay;
    if (!map.analysisKnown) {
      map.overlays.add('analysis-cells', { data: EMPTY, layers: cells });
      map.overlays.add('analysis-cell', { data: EMPTY, layers: chosen });
      map.overlays.add('analysis-numbers', { data: EMPTY, layers: numbers });
      map.overlays.add('analysis-stations', { data: EMPTY, layers: stations });
      map.analysisKnown = true;
      map.busy = true; // here a click chooses a cell, not what lies beneath it
      drawn = null;
      listen(map);
    }
    const done = shown && shown.state === 'done' ? shown : null;
    map.analysisPlace = done ? done.parameters.demand.place : null;
    const hexagons = done && done.kind === 'hotspot' ? await load(done.run) : EMPTY;
    const explain = () => map.setLegend('analysis', done && done.legend[api.theme()]);
    map.analysisOff?.();
    map.analysisOff = map.on('style', explain);
    explain();
    map.setData('analysis-cells', hexagons);
    map.setData('analysis-numbers', middles(hexagons));
    map.setData('analysis-stations', done && done.kind === 'allocation' ? points(done.stations, null) : EMPTY);
    const cell = Number(new URLSearchParams(search || '').get('cell'));
    const found = hexagons.features.filter((feature) => feature.id === cell && cell);
    map.setData('analysis-cell', { type: 'FeatureCollection', features: found });
    if (done && drawn !== done.run) {
      // A link that names a view keeps it; a result that was just computed comes into sight.
      if (drawn !== null || !map.startView) map.flyTo(done.bounds, { step: false, maxZoom: 16, padding: room(map) });
    } else if (found.length && !inside(map, found[0])) {
      map.flyTo(found[0].geometry.coordinates[0][0], { step: false, maxZoom: 17 });
    }
    sites = done ? done.stations : [];
    drawn = done ? done.run : drawn ?? 0;
    map.element.dataset.analysis = done ? String(done.run) : '';
    return stay;
  }

  // The chosen area comes into sight; a result on the map, and a link that names a view, keep theirs.
  let framed = null;
  async function frame(place, boxes, search) {
    const stay = window.dash_clientside.no_update;
    const box = boxes && boxes[place];
    const api = await window.onemapReady;
    const map = await api.ready('map');
    if (!box || !document.getElementById('analysis-form')) return stay;
    const first = framed?.map !== map;
    if (!first && framed.place === place) return stay;
    framed = { map, place };
    const given = first && (map.startView || new URLSearchParams(search || '').get('run'));
    if (!given && map.analysisPlace !== place) map.flyTo(box, { step: false, maxZoom: 16, padding: room(map), ...(first ? { duration: 0 } : {}) });
    return stay;
  }

  // The row of a service point brings it into sight.
  async function pick(rows) {
    const map = (await window.onemapReady).map('map');
    const row = rows && rows.length ? rows[0] : null;
    if (map && map.analysisKnown && sites.length) {
      map.setData('analysis-stations', points(sites, row && row.id));
      if (row) map.flyTo([row.lon, row.lat], { step: false, maxZoom: 17 });
    }
    return window.dash_clientside.no_update;
  }

  // What form and result leave free of the map.
  function room(map) {
    const { clientWidth: width, clientHeight: height } = map.element;
    if (window.matchMedia('(max-height: 500px) and (orientation: landscape)').matches) return { top: 24, bottom: 24, left: 24, right: width * 0.5 };
    if (width < 760) return { top: 40, bottom: height * 0.52 + 20, left: 24, right: 64 };
    const wide = width > 1180;
    return { top: 50, bottom: 60, left: wide ? 350 : 300, right: wide ? 460 : 380 };
  }

  function inside(map, feature) {
    const bounds = map.map.getBounds();
    return feature.geometry.coordinates[0].every((point) => bounds.contains(point));
  }

  // A step of the user in the address, from which Back returns; Dash's Location hears of it as of a followed link.
  function navigate(search) {
    const { pathname, hash } = window.location;
    if (typeof search === 'string' && search !== window.location.search) {
      window.history.pushState({}, '', pathname + search + hash);
      window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));
    }
    return window.dash_clientside.no_update;
  }

  return { show, frame, pick, navigate };
})();
