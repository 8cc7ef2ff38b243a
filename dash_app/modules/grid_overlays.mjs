// What the page of grids lays over the base map: areas shaded by load, borders, numbers, corners, refusals in red.

const PALETTE = {
  dark: { line: '#7fdcd1', border: '#e9f0f7', changed: '#ffd166', chosen: '#3fb6ff', bad: '#f0524f', low: '#17344d', high: '#2fb6a8', text: '#f2f7fb', halo: '#0b1420', mask: '#0b1420' },
  light: { line: '#0b7d74', border: '#13202e', changed: '#b34700', chosen: '#0a6ebd', bad: '#c42f2c', low: '#e6f2f1', high: '#3aa99d', text: '#13202e', halo: '#ffffff', mask: '#eef2f6' },
};
const FONT = ['Noto Sans CJK SC', 'sans-serif'];

export const LAYERS = {
  'grid-mask': (theme) => [{ type: 'fill', paint: { 'fill-color': PALETTE[theme].mask, 'fill-opacity': 0.5 } }],
  'grid-area': (theme) => {
    const colour = PALETTE[theme];
    return [
      { type: 'fill', paint: { 'fill-color': ['interpolate', ['linear'], ['get', 'share'], 0, colour.low, 1, colour.high], 'fill-opacity': ['case', ['get', 'chosen'], 0.62, 0.42] } },
      { type: 'fill', filter: ['get', 'chosen'], paint: { 'fill-color': colour.chosen, 'fill-opacity': 0.35 } },
      { type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': colour.line, 'line-width': ['interpolate', ['linear'], ['zoom'], 13, 1.2, 18, 2.5] } },
      { type: 'line', filter: ['get', 'changed'], layout: { 'line-join': 'round' }, paint: { 'line-color': colour.changed, 'line-width': 2.5, 'line-dasharray': [3, 1.5] } },
      { type: 'line', filter: ['get', 'chosen'], layout: { 'line-join': 'round' }, paint: { 'line-color': colour.chosen, 'line-width': 4 } },
    ];
  },
  'grid-border': (theme) => [{ type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': PALETTE[theme].border, 'line-width': 3, 'line-opacity': 0.85 } }],
  'grid-past': (theme) => [{ type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': theme === 'light' ? '#7b3f98' : '#d7a6ee', 'line-width': 2.5, 'line-dasharray': [1, 1.6] } }],
  'grid-label': (theme) => {
    const colour = PALETTE[theme];
    return [{
      type: 'symbol',
      layout: {
        'text-field': ['format', ['get', 'number'], { 'font-scale': 1.25 }, '\n', {}, ['get', 'caption'], { 'font-scale': 0.85 }],
        'text-font': FONT, 'text-size': 15, 'text-line-height': 1.25, 'text-allow-overlap': true,
      },
      paint: { 'text-color': ['case', ['get', 'changed'], colour.changed, colour.text], 'text-halo-color': colour.halo, 'text-halo-width': 1.8 },
    }];
  },
  'grid-corner': (theme) => {
    const colour = PALETTE[theme];
    return [{
      type: 'circle',
      paint: {
        'circle-radius': ['case', ['get', 'chosen'], 7, ['get', 'outer'], 2.5, 4.5], 'circle-color': ['case', ['get', 'chosen'], colour.chosen, ['get', 'outer'], colour.halo, '#ffffff'],
        'circle-stroke-color': ['case', ['get', 'outer'], colour.border, colour.line], 'circle-stroke-width': 1.6, 'circle-opacity': ['case', ['get', 'outer'], 0.6, 1], 'circle-stroke-opacity': ['case', ['get', 'outer'], 0.5, 1],
      },
    }];
  },
  'grid-hand': (theme) => {
    const colour = PALETTE[theme];
    return [
      { type: 'line', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-cap': 'round' }, paint: { 'line-color': colour.changed, 'line-width': 3 } },
      { type: 'circle', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 7, 'circle-color': colour.changed, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2 } },
    ];
  },
  'grid-problem': (theme) => {
    const { bad } = PALETTE[theme];
    return [
      { type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': bad, 'fill-opacity': 0.45 } },
      { type: 'line', filter: ['all', ['!=', ['geometry-type'], 'Point'], ['!', ['get', 'drawn']]], layout: { 'line-cap': 'round' }, paint: { 'line-color': bad, 'line-width': 4 } },
      { type: 'line', filter: ['get', 'drawn'], paint: { 'line-color': bad, 'line-width': 2.5, 'line-dasharray': [2, 1.5] } },
      { type: 'circle', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 11, 'circle-color': bad, 'circle-opacity': 0.25, 'circle-stroke-color': bad, 'circle-stroke-width': 3 } },
    ];
  },
};

// What the shades and lines of the page say; the range is that of the measure that the areas are shaded by.
export function legendOf(theme, measure, range) {
  const colour = PALETTE[theme];
  return {
    title: measure,
    items: [
      { label: `少（${range[0]}）`, colour: colour.low, symbol: 'fill' }, { label: `多（${range[1]}）`, colour: colour.high, symbol: 'fill' },
      { label: '网格界', colour: colour.line, symbol: 'line' }, { label: '社区界', colour: colour.border, symbol: 'line' },
      { label: '草稿中有改动', colour: colour.changed, symbol: 'dashed' }, { label: '选中', colour: colour.chosen, symbol: 'line' },
      { label: '不能这样画', colour: colour.bad, symbol: 'line' },
    ],
    flow: true,
  };
}

export const collection = (features) => ({ type: 'FeatureCollection', features });
export const feature = (geometry, properties = {}) => ({ type: 'Feature', properties, geometry });

const WORLD = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];

// All but the community, to dim what is not being drawn.
export function mask(border) {
  const polygons = border.type === 'MultiPolygon' ? border.coordinates : [border.coordinates];
  return feature({ type: 'Polygon', coordinates: [WORLD, ...polygons.map((rings) => rings[0])] });
}

export function problemFeatures(problems, drawn) {
  const shown = problems.filter((problem) => problem.geometry).map((problem) => feature(problem.geometry, { drawn: false }));
  if (drawn) shown.push(feature(drawn, { drawn: true }));
  return shown;
}
