// The style comes whole from the server's layer registry; here it is made absolute, switched and scaled.
// A style layer names the registry layer it draws in metadata["onemap:layer"], and its part in "onemap:role".

import { getJson } from './dom.mjs';

const cache = new Map();

export async function load(theme) {
  if (!cache.has(theme)) {
    const answer = fetch(`/api/v1/style?theme=${theme}`).then(async (response) => {
      if (response.status === 401) {
        const back = encodeURIComponent(window.location.pathname + window.location.search);
        window.location.assign(`/sign-in?next=${back}`);
      }
      if (!response.ok) throw new Error(`style ${response.status}`);
      return response.json();
    });
    cache.set(theme, answer);
    answer.catch(() => cache.delete(theme));
  }
  return structuredClone(await cache.get(theme));
}

// What the registry says of its layers: titles, legends, zooms, origins.
const descriptions = new Map();

export function describe(theme) {
  if (!descriptions.has(theme)) {
    const answer = getJson(`/api/v1/layers?theme=${theme}`).then(({ layers }) => layers);
    descriptions.set(theme, answer);
    answer.catch(() => descriptions.delete(theme));
  }
  return descriptions.get(theme);
}

export const layerOf = (layer) => layer.metadata?.['onemap:layer'] ?? null;
const roleOf = (layer) => layer.metadata?.['onemap:role'] ?? null;

// Text is drawn from the page's fonts, in pixels: on a wall whose root font is larger it grows along.
export const scaled = (layer) => {
  scaleText(layer, rootFactor());
  return layer;
};

const rootFactor = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

function scaleText(layer, factor) {
  if (factor === 1 || layer.type !== 'symbol') return;
  const size = layer.layout?.['text-size'];
  if (typeof size === 'number') layer.layout['text-size'] = size * factor;
  else if (Array.isArray(size) && size[0] === 'interpolate') {
    layer.layout['text-size'] = size.map((part, index) => (index >= 4 && index % 2 === 0 && typeof part === 'number' ? part * factor : part));
  } else if (Array.isArray(size)) layer.layout['text-size'] = ['*', factor, size];
}

// visible: set of registry layers that are on; null leaves what the registry says.
// hidden: classes switched off in the legend, layer id → {field, values}.
export function compose(style, { visible, threeD, time, hidden }) {
  // Soft light from the viewer's left: walls of buildings differ by shade, none turns black.
  style.light ??= { anchor: 'viewport', position: [1.4, 215, 40], color: '#ffffff', intensity: 0.22 };
  const factor = rootFactor();
  for (const source of Object.values(style.sources)) {
    if (source.tiles) source.tiles = source.tiles.map((address) => absolute(withTime(address, source, time)));
  }
  for (const layer of style.layers) {
    scaleText(layer, factor);
    const id = layerOf(layer);
    if (id === null) continue;
    layer.layout ??= {};
    const on = visible === null ? layer.layout.visibility !== 'none' : visible.has(id);
    const without = hidden?.get(id);
    if (without?.values.length) {
      // Counts of records carry no class of their own: they go with the class that they count.
      const kept = !without.values.includes(layer.metadata['onemap:counts']) && ['!', ['in', ['to-string', ['get', without.field]], ['literal', without.values]]];
      layer.filter = layer.filter ? ['all', layer.filter, kept] : kept;
    }
    const flat = roleOf(layer) === 'extrusion' && !threeD;
    layer.layout.visibility = on && !flat ? 'visible' : 'none';
  }
  return style;
}

function absolute(address) {
  return address.startsWith('/') ? window.location.origin + address : address;
}

// Layers whose records have a moment take the chosen days as part of the tile's address, so that caches stay right.
function withTime(address, source, time) {
  if (!source['onemap:time'] && !source.time) return address;
  if (!time) return address;
  return `${address}${address.includes('?') ? '&' : '?'}from=${time.from}&to=${time.to}`;
}
