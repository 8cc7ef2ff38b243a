// What a page lays over the registry's layers: GeoJSON with its own style (a selection, a draft, hexagons, moving workers).
// overlay = {data, layers: theme => [style layers without id and source], source: {…more source options}, before, on}
// before: the registry layer that it lies below, or 'labels' for all of them.
// on: a source of the registry's style instead of GeoJSON; the layers then name their source-layer.
import { scaled } from './style.mjs';

export const OVERLAY = 'overlay:';
const EMPTY = { type: 'FeatureCollection', features: [] };

const theme = () => (document.documentElement.dataset.theme === 'light' ? 'light' : 'dark');

export class Overlays {
  constructor(owner) {
    this.owner = owner;
    this.known = new Map();
  }

  add(name, overlay) {
    this.known.set(name, { data: EMPTY, ...overlay });
    if (this.owner.map?.isStyleLoaded !== undefined) this.draw(name);
  }

  // The same name with other layers: what stood there goes first.
  replace(name, overlay) {
    if (this.known.has(name)) this.remove(name);
    this.add(name, overlay);
  }

  // A source nobody described yet gets a plain look, so that setData alone already shows something.
  setData(name, geojson) {
    if (!this.known.has(name)) this.add(name, { data: geojson, layers: plain });
    const overlay = this.known.get(name);
    overlay.data = geojson ?? EMPTY;
    this.owner.map?.getSource(OVERLAY + name)?.setData(overlay.data);
  }

  remove(name) {
    const { map } = this.owner;
    for (const layer of map.getStyle().layers) {
      if (layer.id.startsWith(`${OVERLAY}${name}:`)) map.removeLayer(layer.id);
    }
    if (map.getSource(OVERLAY + name)) map.removeSource(OVERLAY + name);
    this.known.delete(name);
  }

  styleLayers(name) {
    const overlay = this.known.get(name);
    return overlay.layers(theme()).map((layer, index) => scaled({
      ...layer, id: `${OVERLAY}${name}:${index}`, source: overlay.on ?? OVERLAY + name,
    }));
  }

  draw(name) {
    const { map } = this.owner;
    const overlay = this.known.get(name);
    if (!overlay.on && !map.getSource(OVERLAY + name)) {
      map.addSource(OVERLAY + name, { type: 'geojson', data: overlay.data, ...overlay.source });
    }
    const before = overlay.before ? map.getStyle().layers.find((layer) => belongs(layer, overlay.before))?.id : undefined;
    for (const layer of this.styleLayers(name)) {
      if (!map.getLayer(layer.id)) map.addLayer(layer, before);
    }
  }

  restore() {
    for (const name of this.known.keys()) this.draw(name);
  }

  // On a change of style the overlays come along, in the new theme's colours.
  carry(_before, after) {
    const sources = { ...after.sources };
    const layers = [...after.layers];
    for (const [name, overlay] of this.known) {
      if (!overlay.on) sources[OVERLAY + name] = { type: 'geojson', data: overlay.data, ...overlay.source };
      const at = overlay.before ? layers.findIndex((layer) => belongs(layer, overlay.before)) : -1;
      layers.splice(at < 0 ? layers.length : at, 0, ...this.styleLayers(name));
    }
    for (const [name, moving] of this.owner.gliders ?? []) {
      if (sources[name]) sources[name] = { ...sources[name], data: moving.collection() };
    }
    return { ...after, sources, layers };
  }
}

const belongs = (layer, id) => (id === 'labels' ? layer.type === 'symbol' : layer.metadata?.['onemap:layer'] === id);

function plain(name) {
  const accent = name === 'light' ? '#0a6ebd' : '#3fb6ff';
  return [
    { type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': accent, 'fill-opacity': 0.15 } },
    { type: 'line', filter: ['!=', ['geometry-type'], 'Point'], paint: { 'line-color': accent, 'line-width': 2 } },
    { type: 'circle', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': accent, 'circle-radius': 5 } },
  ];
}
