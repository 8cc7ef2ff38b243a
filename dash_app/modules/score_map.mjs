// The map of an indicator: places in the colour of their class, table and map pointing at each other, the chosen place
// with the way to its records. All values, classes, colours and words come with the page's data (parts/score_view.py).
import { el, getJson, symbol } from './dom.mjs';
import { ready, theme } from './map.mjs';
import { OVERLAY } from './overlays.mjs';

const TABLE = 'score-table';
const FONT = ['Noto Sans CJK SC', 'sans-serif'];
const LOOK = {
  dark: { text: '#f2f7fb', halo: '#0b1420', line: '#0b1420', border: '#cfe0f2', mark: '#ffffff', hover: '#3fb6ff' },
  light: { text: '#13202e', halo: '#ffffff', line: '#ffffff', border: '#3b4d63', mark: '#13202e', hover: '#0a6ebd' },
};
const KEY = ['to-string', ['id']];
const lookUp = (table) => ['get', KEY, ['literal', table]];
const any = (tests) => (tests.length ? ['any', ...tests] : false);

class ScoreMap {
  constructor(card, body) {
    this.card = card;
    this.body = body;
    this.hovered = null;
    this.chosen = null;
    this.wanted = new URLSearchParams(window.location.search).get('at');
  }

  async open() {
    this.map = await ready('map');
    this.map.busy = true; // here a click chooses a place, not what lies beneath it
    // Legend and chosen place float over the left edge; on a small map there is no room to keep it free.
    this.map.padding = () => ({ top: 36, bottom: 44, right: 72, left: this.map.element.clientWidth > 850 ? 330 : 36 });
    this.tip = el('div', { class: 'map-tip', hidden: true });
    this.map.element.append(this.tip);
    const gl = this.map.map;
    this.onMove = (event) => this.hover(this.at(event.point), event.point);
    this.onOut = () => this.hover(null);
    this.onClick = (event) => this.choose(this.at(event.point));
    gl.on('mousemove', this.onMove);
    gl.on('mouseout', this.onOut);
    gl.on('click', this.onClick);
    this.onData = (event) => this.show(event.detail);
    this.onRow = (event) => this.choose(event.detail, { from: 'table' });
    this.onOver = (event) => this.overRow(event);
    this.onKey = (event) => {
      if (event.key === 'Escape' && this.chosen) this.choose(null);
    };
    window.addEventListener('onemap:scores', this.onData);
    window.addEventListener('onemap:scores-row', this.onRow);
    window.addEventListener('keydown', this.onKey);
    document.addEventListener('mouseover', this.onOver);
    this.offStyle = this.map.on('style', () => this.explain());
    if (window.onemapScores) this.show(window.onemapScores);
  }

  close() {
    window.onemapScores = null;
    window.removeEventListener('onemap:scores', this.onData);
    window.removeEventListener('onemap:scores-row', this.onRow);
    window.removeEventListener('keydown', this.onKey);
    document.removeEventListener('mouseover', this.onOver);
    this.offStyle?.();
  }

  show(data) {
    if (!data || !this.map.map) return;
    const first = !this.data;
    this.data = data;
    this.hover(null);
    const { overlays } = this.map;
    overlays.replace('scores', { on: 'borders', before: 'labels', layers: (name) => this.areas(name) });
    overlays.replace('score-border', { on: 'borders', layers: (name) => this.borders(name) });
    overlays.replace('score-mark', { on: 'borders', layers: (name) => this.marks(name) });
    overlays.replace('score-label', { on: 'borders', layers: (name) => this.labels(name) });
    this.explain();
    const where = JSON.stringify(data.bounds);
    // The chosen area comes into sight; another span or indicator of the same area leaves the view alone.
    if (data.bounds && where !== this.framed) this.map.flyTo(data.bounds, { step: false, ...(first ? { duration: 0 } : {}) });
    this.framed = where;
    const keep = first ? this.wanted : this.chosen;
    this.choose(keep && String(keep).length === data.level ? keep : null, { from: 'data' });
    this.map.element.dataset.scores = String(data.level);
  }

  // -- what is drawn ---------------------------------------------------------------------------------------------

  // Places of the level, and only those that the question was about.
  inside() {
    const { level, within } = this.data;
    const mine = within.map((prefix) => (prefix.length > level
      ? ['==', KEY, prefix.slice(0, level)]
      : ['==', ['slice', KEY, 0, prefix.length], prefix]));
    const all = level === 15 ? [] : [['==', ['get', 'level'], level]];
    return ['all', ...all, any(mine)];
  }

  layer(suffix = '') { return `${this.data.level === 15 ? 'grid' : 'region'}${suffix}`; }

  of(pick) {
    return Object.fromEntries(Object.entries(this.data.places).map(([place, one]) => [place, pick(one)]));
  }

  areas(name) {
    const { classes, unknown } = this.data;
    const number = ['coalesce', lookUp(this.of((one) => one.class)), -1];
    const colour = ['match', number, ...classes[name].flatMap((item, index) => [index, item.colour]), unknown[name].colour];
    const few = ['coalesce', lookUp(this.of((one) => one.few)), false];
    return [
      { type: 'fill', 'source-layer': this.layer(), filter: this.inside(), paint: { 'fill-color': colour, 'fill-opacity': ['case', ['==', number, -1], 0.25, few, 0.36, 0.78] } },
      { type: 'line', 'source-layer': this.layer(), filter: this.inside(), layout: { 'line-join': 'round' }, paint: { 'line-color': LOOK[name].line, 'line-width': ['interpolate', ['linear'], ['zoom'], 11, 0.6, 16, 2] } },
    ];
  }

  // The borders of the levels above, so that a place is found again.
  borders(name) {
    const width = ['match', ['get', 'level'], 12, 1.4, 2.4];
    return [{ type: 'line', 'source-layer': 'region', filter: ['<=', ['get', 'level'], Math.min(12, this.data.level)], layout: { 'line-join': 'round' }, paint: { 'line-color': LOOK[name].border, 'line-opacity': 0.75, 'line-width': width } }];
  }

  marks(name) {
    const { mark, hover } = LOOK[name];
    const line = (place, colour, width) => ({ type: 'line', 'source-layer': this.layer(), filter: this.only(place), layout: { 'line-join': 'round' }, paint: { 'line-color': colour, 'line-width': width } });
    return [line(this.hovered, hover, 3), line(this.chosen, mark, 4)];
  }

  only(place) { return ['==', KEY, place ?? '']; }

  labels(name) {
    const { text, halo } = LOOK[name];
    const value = ['coalesce', lookUp(this.of((one) => one.shown)), this.data.unknown[name].label];
    const label = (words) => ({
      type: 'symbol',
      'source-layer': this.layer('_label'),
      filter: this.inside(),
      layout: { 'text-field': words, 'text-font': FONT, 'text-size': 14, 'text-max-width': 7, 'text-line-height': 1.2, 'text-padding': 1 },
      paint: { 'text-color': text, 'text-halo-color': halo, 'text-halo-width': 1.8 },
    });
    // Where name and value find no room the value alone may; what lies on top is placed first.
    return [label(value), label(['format', ['get', 'name'], { 'font-scale': 0.8 }, '\n', {}, value, { 'font-scale': 1.1 }])];
  }

  explain() {
    if (!this.data) return;
    const name = theme();
    const { title, classes, unknown, few, nothing, origin, places } = this.data;
    const some = Object.values(places).some((one) => one.few);
    this.map.setLegend('scores', {
      title, origin, note: some ? few : '', items: [...classes[name], { ...unknown[name], label: `${unknown[name].label}：${nothing}` }],
    });
  }

  // -- pointing --------------------------------------------------------------------------------------------------

  at(point) {
    const id = `${OVERLAY}scores:0`;
    if (!this.data || !this.map.map.getLayer(id)) return null;
    const [feature] = this.map.map.queryRenderedFeatures(point, { layers: [id] });
    return feature ? { place: String(feature.id), name: feature.properties.name } : null;
  }

  overRow(event) {
    const row = event.target.closest?.(`#${TABLE} [row-id]`);
    const place = row?.getAttribute('row-id') ?? null;
    if (place !== null || this.fromTable) this.hover(place === null ? null : { place }, null);
    this.fromTable = place !== null;
  }

  hover(found, point = null) {
    const place = found?.place ?? null;
    this.tip.hidden = !point || !found;
    if (point && found) {
      this.tip.textContent = this.words(found);
      this.tip.style.transform = `translate(${point.x + 14}px, ${point.y + 14}px)`;
    }
    if (this.map.map) this.map.map.getCanvas().style.cursor = place ? 'pointer' : '';
    if (place === this.hovered) return;
    this.hovered = place;
    this.draw(0, place);
    for (const row of document.querySelectorAll(`#${TABLE} [row-id]`)) row.classList.toggle('is-linked', row.getAttribute('row-id') === place);
  }

  words({ place, name }) {
    const one = this.data.places[place];
    if (!one) return `${name} · ${this.data.unknown.dark.label}：${this.data.nothing}`;
    return `${one.name} · ${one.shown}（${one.counts.map(({ word, n }) => `${word} ${n.toLocaleString()}`).join('，')}）`;
  }

  draw(index, place) {
    const id = `${OVERLAY}score-mark:${index}`;
    if (this.map.map?.getLayer(id)) this.map.map.setFilter(id, this.only(place));
  }

  // -- choosing --------------------------------------------------------------------------------------------------

  choose(found, { from = 'map' } = {}) {
    const place = typeof found === 'string' ? found : found?.place ?? null;
    if (from === 'table' && place === this.chosen) return;
    this.chosen = place;
    this.draw(1, place);
    this.keep();
    this.fill(place, found?.name);
    if (from !== 'table') this.markRow(place);
    if (place && from !== 'map') this.bringIntoSight(place).catch(() => {});
  }

  // A reload finds the chosen place; Back is for pages, not for every place that was looked at.
  keep() {
    const address = new URL(window.location.href);
    if (this.chosen) address.searchParams.set('at', this.chosen);
    else address.searchParams.delete('at');
    window.history.replaceState(window.history.state, '', address);
  }

  // Rows may still be on the way, and with new ones the table forgets what was selected: looked after for a while. A row
  // that somebody has chosen meanwhile stays.
  markRow(place, looks = 30, first = true) {
    const api = window.dash_ag_grid?.getApi?.(TABLE);
    if (!place) {
      api?.deselectAll();
      return;
    }
    const node = api?.getRowNode(place);
    if (node && !node.isSelected() && (first || !api.getSelectedNodes().length)) {
      node.setSelected(true, true);
      api.ensureNodeVisible(node);
    }
    if (looks > 0) window.setTimeout(() => place === this.chosen && this.markRow(place, looks - 1, false), 150);
  }

  async bringIntoSight(place) {
    const { bbox } = await getJson(`/api/v1/profile/${place.length === 15 ? 'grid' : 'region'}/${place}`);
    if (!bbox || place !== this.chosen) return;
    const seen = this.map.map.getBounds();
    if (!seen.contains([bbox[0], bbox[1]]) || !seen.contains([bbox[2], bbox[3]])) this.map.flyTo(bbox, { step: false, maxZoom: 16 });
  }

  fill(place, name) {
    this.card.hidden = !place;
    if (!place) return;
    const one = this.data.places[place];
    const kind = place.length === 15 ? 'grid' : 'region';
    const rows = (one?.counts ?? []).map(({ word, n, href }) => [el('dt', {}, word), el('dd', {}, href ? el('a', { href }, `${n.toLocaleString()} 件`) : `${n} 件`)]);
    const all = one?.counts.find(({ href }) => href)?.href;
    this.body.replaceChildren(...[
      el('button', { class: 'icon-button close', type: 'button', title: '关闭（Esc）', 'aria-label': '关闭', on: { click: () => this.choose(null) } }, symbol('close')),
      el('div', { class: 'score-card-kind' }, this.data.title),
      el('h3', {}, one?.name ?? name ?? place),
      el('div', { class: 'score-card-value' }, el('b', {}, one?.shown ?? this.data.unknown.dark.label), el('span', { class: `status ${one?.meaning ?? 'unknown'}` }, one ? one.verdict : this.data.nothing)),
      rows.length ? el('dl', {}, rows.flat()) : null,
      one?.few ? el('p', { class: 'score-card-note' }, this.data.few) : null,
      el('div', { class: 'score-card-links' }, all ? el('a', { class: 'button primary', href: all }, '查看案件') : null, el('a', { class: 'button', href: `/#s=${kind}:${place}` }, '在一张图上打开')),
    ].filter(Boolean));
  }
}

export async function mount(body) {
  const desk = new ScoreMap(body.parentElement, body);
  await desk.open();
  return () => desk.close();
}
