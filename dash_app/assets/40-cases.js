// The chosen case and the place being reported, marked on the cases page's map.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.onemapCases = {
  // The map shows the states that the list is narrowed to.
  async narrow(search) {
    const all = ['reported', 'assigned', 'handling', 'closed'];
    const wanted = new URLSearchParams(search || '').get('state');
    const shown = wanted === 'open' ? all.slice(0, 3) : all.includes(wanted) ? [wanted] : all;
    const without = all.filter((state) => !shown.includes(state));
    const map = await (await window.onemapReady).ready('map');
    const before = map.state.hidden.get('cases')?.values ?? [];
    if (map.element.closest('.cases') && before.join() !== without.join()) await map.setHidden('cases', 'state', without);
    return window.dash_clientside.no_update;
  },

  async showPoints(where, point) {
    const api = await window.onemapReady;
    const feature = (at, role) => ({ type: 'Feature', properties: { role }, geometry: { type: 'Point', coordinates: at } });
    const features = [];
    if (where) features.push(feature(where, 'chosen'));
    if (point) features.push(feature(point, 'new'));
    const map = await api.ready('map');
    map.overlays.add('case', { layers: marks, data: { type: 'FeatureCollection', features } });
    map.setData('case', { type: 'FeatureCollection', features });
    const fresh = this.map !== map;
    const changed = fresh || JSON.stringify(where) !== this.last;
    this.map = map;
    this.last = JSON.stringify(where);
    // A map that has just opened is still taking its size, which would end a flight: it jumps.
    if (where && changed) map.flyTo(where, { step: false, offset: [-besides() / 2, 0], ...(fresh ? { duration: 0 } : {}) });
    return window.dash_clientside.no_update;

    // How much of the map's right side the chosen case covers (on a phone it lies below), as 40-cases.css says.
    function besides() {
      const narrow = window.matchMedia('(max-width: 760px), (max-height: 500px)').matches;
      return narrow ? 0 : 27.25 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    }

    function marks(theme) {
      const accent = theme === 'light' ? '#0a6ebd' : '#3fb6ff';
      const colour = ['match', ['get', 'role'], 'new', '#f5b942', accent];
      return [
        { type: 'circle', paint: { 'circle-radius': 16, 'circle-color': colour, 'circle-opacity': 0.2, 'circle-stroke-color': colour, 'circle-stroke-width': 2 } },
        { type: 'circle', paint: { 'circle-radius': 5, 'circle-color': colour } },
      ];
    }
  },
};
