// The big screen (大屏). The server draws the frame, this module fills it from the live feed: nothing is asked for twice,
// every list is bounded, and after any loss the feed brings the whole state, so it may hang for weeks.
import { connect } from './feed.mjs';
import { attach } from './live_map.mjs';
import { ready } from './map.mjs';
import { isSideways } from './phone.mjs';
import { drawHours } from './screen_chart.mjs';
import { Cards } from './screen_cards.mjs';
import { Stream } from './screen_stream.mjs';
import { el } from './dom.mjs';
import { pointsOf, tiltedView } from './tilted_view.mjs';

const STALE = 75000; // ms; the server counts every 30 s at the latest
const HOME_AFTER = 5 * 60000; // ms without a hand on it: back to the whole scope
const PITCH = 48;
const BEARING = -14;
const NEAR = 16; // zoom from which a click on a house means the house, at 1080p
const NEAREST = 17.2;
const WALL = ['water', 'green', 'streets', 'regions', 'grids', 'buildings', 'cases', 'workers'];

const whole = new Intl.NumberFormat('zh-CN');
const tenth = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const zone = { timeZone: 'Asia/Shanghai', hour12: false };
const hm = new Intl.DateTimeFormat('zh-CN', { ...zone, hour: '2-digit', minute: '2-digit' });
const hms = new Intl.DateTimeFormat('zh-CN', { ...zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dateOf = new Intl.DateTimeFormat('zh-CN', { ...zone, month: 'long', day: 'numeric', weekday: 'long' });


class Screen {
  constructor(element) {
    this.element = element;
    this.slot = (name) => element.querySelector(`[data-slot="${name}"]`);
    this.shown = {};
    this.trail = []; // places that were opened, the deepest last: {place, name}
    this.feed = connect({ counts: true });
    this.cards = new Cards(this.slot('card'), () => this.owner, () => this.frame(this.place?.bounds ?? this.owner.options.bounds));
    this.stream = new Stream(this.slot('stream'), this.slot('open-alerts'), {
      onAlert: (alert) => this.cards.alert(alert.id),
      onEvent: (event) => this.cards.event(event),
    });
    this.onSize = () => this.stream.draw();
    window.addEventListener('resize', this.onSize);
    this.feed.on('state', (state) => this.stream.whole(state));
    this.feed.on('change', (change) => this.stream.take(change));
    this.feed.on('situation', (situation) => this.show(situation));
    this.feed.on('problem', () => this.goTo(0));
    this.feed.on('link', () => this.freshness());
    this.timer = window.setInterval(() => this.tick(), 1000);
    this.tick();
    this.onKey = (event) => this.key(event);
    this.onHand = () => { this.touched = performance.now(); };
    this.touched = performance.now();
    window.addEventListener('keydown', this.onKey);
    for (const name of ['pointerdown', 'wheel', 'keydown']) window.addEventListener(name, this.onHand, { passive: true });
    this.slot('alerts').addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.cards.alerts(this.trail.at(-1)?.place ?? '');
    });
    this.openMap();
  }

  async openMap() {
    const owner = await ready('screen-map');
    if (this.closed) return;
    this.owner = owner;
    owner.padding = () => this.padding();
    owner.map.on('resize', () => { if (!this.trail.length && !this.cards.open) this.frame(owner.options.bounds, { duration: 0 }); });
    owner.overlays.add('stage', { layers: stage, before: 'buildings' });
    owner.overlays.add('here', { layers: spotlight, before: 'cases' });
    owner.setLayers(WALL, { keep: false });
    owner.setThreeD(true);
    this.enlarge();
    for (const name of ['style', 'layers', 'threeD']) owner.on(name, () => this.enlarge());
    if (this.place) this.light(this.place.outline);
    attach(owner, this.feed, { onAlert: (alert) => this.cards.alert(alert.id) });
    owner.on('select', (selection) => this.select(selection));
    this.frame(owner.options.bounds, { duration: 0 });
  }

  // Points that are right on a desk are too small from five metres.
  enlarge() {
    const { map } = this.owner;
    const factor = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    for (const layer of map.getStyle().layers) {
      // What is closed is no news on the wall.
      if (layer.id.startsWith('cases:closed') || layer.id === 'green:name') map.setLayoutProperty(layer.id, 'visibility', 'none');
      // Names of things come when one goes near; from afar names of people and places are enough.
      if (layer.id === 'cases:name' || layer.id === 'buildings:name') map.setLayerZoomRange(layer.id, NEAR + 0.5 + finer(), 24);
      const power = { workers: 1, cases: 0.4 }[layer.metadata?.['onemap:layer']];
      if (layer.type !== 'circle' || !power) continue;
      map.setPaintProperty(layer.id, 'circle-radius', scaled(layer.paint['circle-radius'], Math.max(1, factor) ** power));
    }
  }

  frame(bounds, options = {}) {
    if (!bounds || !this.owner) return;
    const { clientWidth: width, clientHeight: height } = this.owner.element;
    // The outline where it is known to be of this place, else its box.
    const outline = this.place?.outline && String(this.place.bounds) === String(bounds) ? this.place.outline : bounds;
    const view = tiltedView(pointsOf(outline), { width, height, padding: this.padding(), pitch: PITCH, bearing: BEARING, maxZoom: NEAREST + finer() });
    this.owner.flyTo({ ...view, duration: 900, ...options }, { step: false });
  }

  // What the frame covers of the map, at this size of the wall.
  padding() {
    const share = parseFloat(getComputedStyle(document.documentElement).fontSize) / 26.67;
    if (isSideways()) return { top: 60, bottom: 90, left: 20, right: 300 };
    if (window.innerWidth <= 900) return { top: 90, bottom: 330, left: 20, right: 20 };
    return { top: 70 * share, bottom: 225 * share, left: 80 * share, right: 490 * share };
  }

  // -- numbers -------------------------------------------------------------------------------------------------------

  show(situation) {
    const { numbers } = situation;
    this.place = situation;
    this.light(situation.outline);
    if (!this.whole && !this.trail.length && this.owner) {
      this.whole = true; // the outline is tighter than the box that the map began with
      this.frame(this.owner.options.bounds);
    }
    this.moment = new Date(situation.moment);
    this.write('people', numbers.people);
    this.write('households', numbers.households);
    this.write('on_duty', numbers.on_duty, `共 ${whole.format(numbers.workers)} 人`);
    this.write('open', numbers.open);
    this.write('overdue', numbers.overdue, null, numbers.overdue > 0 ? 'bad' : 'good');
    this.write('alerts', numbers.alerts, `今日 ${whole.format(numbers.alerts_today)} 起`, numbers.alerts > 0 ? 'bad' : 'good');
    const rate = numbers.closed ? Math.round((100 * numbers.in_time) / numbers.closed) : null;
    const none = numbers.overdue ? '今日尚无办结' : '无应办结'; // with a case overdue something was due
    this.write('in_time', rate, numbers.closed ? `${whole.format(numbers.in_time)} / ${whole.format(numbers.closed)} 件` : none);
    drawHours(this.slot('hours'), situation.by_hour, this.moment);
    this.slot('scope').textContent = situation.name;
    const here = this.trail.at(-1);
    if (here && here.place === situation.place) {
      here.name = situation.name;
      if (!here.framed) this.frame(situation.bounds);
      here.framed = true;
      this.crumbs();
    }
    this.freshness();
  }

  write(name, value, note = null, meaning = null) {
    const tile = this.slot(name);
    const [text, times] = said(value);
    const number = tile.querySelector('b');
    tile.classList.toggle('is-long', text.length > 6);
    tile.dataset.times = times;
    tile.querySelector('i').hidden = value === null; // a unit without a number says nothing
    if (number.textContent !== text) {
      number.textContent = text;
      // Told apart from the first filling: only a change glows.
      if (name in this.shown) {
        tile.classList.remove('is-changed');
        void tile.offsetWidth;
        tile.classList.add('is-changed');
      }
      this.shown[name] = value;
    }
    if (note !== null) tile.querySelector('small').textContent = note;
    if (meaning) tile.dataset.meaning = meaning;
  }

  tick() {
    const now = new Date();
    this.slot('clock').textContent = hm.format(now);
    this.slot('date').textContent = dateOf.format(now);
    this.freshness();
    this.stream.age(now);
    if (this.trail.length && performance.now() - this.touched > HOME_AFTER) this.goTo(0);
  }

  // A number says when it was counted; one that is old fades, and the line says why.
  freshness() {
    const line = this.slot('line');
    const old = !this.moment || Date.now() - this.moment > STALE;
    const state = !this.feed.alive ? 'lost' : old ? 'stale' : 'live';
    this.element.dataset.line = state;
    const said = this.moment ? `截至 ${hms.format(this.moment)}` : '正在取数';
    line.textContent = state === 'live' ? said : state === 'lost' ? `${said} · 连接中断，正在重连` : `${said} · 数据未更新`;
  }

  // -- drill-down ----------------------------------------------------------------------------------------------------

  // Everything but the place that is looked at lies in shade.
  light(outline) {
    const key = JSON.stringify(outline)?.length + JSON.stringify(outline)?.slice(0, 200);
    if (!this.owner || this.lit === key) return;
    this.lit = key;
    this.owner.setData('here', outline ? { type: 'FeatureCollection', features: shade(outline) } : null);
    this.owner.setData('stage', outline ? { type: 'Feature', properties: {}, geometry: outline } : null);
  }

  select(selection) {
    if (!selection) return;
    // From afar a click on a house means the ground it stands on.
    const ground = selection.at && this.groundAt(selection.at);
    if (selection.kind === 'building' && this.owner.map.getZoom() < NEAR + finer() && ground) {
      this.enter(ground);
      return;
    }
    if (selection.kind === 'grid_worker') this.cards.worker(selection.id);
    else if (selection.kind === 'building') this.cards.building(selection.id);
    else if (selection.kind === 'event') this.cards.event({ id: Number(selection.id) });
    else if (/^\d{2,15}$/.test(selection.id) && ['grid', 'region', 'street', 'community'].includes(selection.kind)) this.enter(selection.id);
  }

  groundAt(at) {
    const { map } = this.owner;
    const layers = map.getStyle().layers.filter((layer) => layer.id === 'grids:area').map((layer) => layer.id);
    const found = map.queryRenderedFeatures(map.project(at), { layers })[0];
    return found ? String(found.properties.id ?? found.id) : null;
  }

  // A click first opens the community, a click within it the grid: one level at a time, as on a staircase.
  enter(place) {
    const here = this.trail.at(-1)?.place ?? '';
    const next = [9, 12, 15].map((digits) => place.slice(0, digits)).find((key) => key.length > here.length && key.startsWith(here) && key.length <= place.length);
    const target = here && place.startsWith(here) ? next : place.slice(0, Math.min(place.length, 12));
    if (!target || target === here) return;
    this.trail = this.trail.filter((step) => target.startsWith(step.place));
    this.trail.push({ place: target, name: '…', framed: false });
    this.crumbs();
    this.feed.look(target);
  }

  // Back up: so many steps of the trail remain.
  goTo(depth) {
    this.trail.length = Math.min(depth, this.trail.length);
    this.cards.close();
    const here = this.trail.at(-1);
    if (here) here.framed = false;
    else this.frame(this.owner?.options.bounds);
    this.crumbs();
    this.feed.look(here?.place ?? '');
  }

  crumbs() {
    const box = this.slot('crumbs');
    box.hidden = this.trail.length === 0;
    if (box.hidden) return;
    const step = (name, depth, last) => el('button', { type: 'button', disabled: last, on: { click: () => this.goTo(depth) } }, name);
    box.replaceChildren(step('全部辖区', 0, false), ...this.trail.map(({ name }, i) => step(name, i + 1, i === this.trail.length - 1)));
  }

  key(event) {
    if (event.key !== 'Escape') return;
    if (this.cards.open) this.cards.close();
    else if (this.trail.length) this.goTo(this.trail.length - 1);
  }

  close() {
    this.closed = true;
    window.clearInterval(this.timer);
    window.removeEventListener('keydown', this.onKey);
    for (const name of ['pointerdown', 'wheel', 'keydown']) window.removeEventListener(name, this.onHand);
    window.removeEventListener('resize', this.onSize);
    this.feed.close();
  }
}

// The same picture on a wall of twice as many pixels is one zoom level further in.
const finer = () => Math.max(0, Math.log2(parseFloat(getComputedStyle(document.documentElement).fontSize) / 26.67));

// From a million on in 万, because ten digits are not read from five metres.
function said(value) {
  if (value === null) return ['—', ''];
  if (value < 1e6) return [whole.format(value), ''];
  return [tenth.format(value / 1e4), '万'];
}

// A ring around the world with the place as its hole, and the place's own line.
function shade(outline) {
  const polygons = outline.type === 'MultiPolygon' ? outline.coordinates : [outline.coordinates];
  const world = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];
  return [
    { type: 'Feature', properties: { kind: 'shade' }, geometry: { type: 'Polygon', coordinates: [world, ...polygons.map((rings) => rings[0])] } },
    { type: 'Feature', properties: { kind: 'edge' }, geometry: outline },
  ];
}

// The ground of the place is lit, what lies around it stays in sight: nothing is where it is without its neighbours.
const stage = () => [{ type: 'fill', paint: { 'fill-color': '#1d3a5a', 'fill-opacity': 0.55 } }];

const spotlight = () => [
  { type: 'fill', filter: ['==', ['get', 'kind'], 'shade'], paint: { 'fill-color': '#0b1420', 'fill-opacity': 0.3 } },
  { type: 'line', filter: ['==', ['get', 'kind'], 'edge'], layout: { 'line-join': 'round' }, paint: { 'line-color': '#3fb6ff', 'line-width': 9, 'line-opacity': 0.16, 'line-blur': 6 } },
  { type: 'line', filter: ['==', ['get', 'kind'], 'edge'], layout: { 'line-join': 'round' }, paint: { 'line-color': '#9fdcff', 'line-width': 2.5, 'line-opacity': 0.9 } },
];

function scaled(value, factor) {
  if (typeof value === 'number') return value * factor;
  if (!Array.isArray(value) || value[0] !== 'interpolate') return value;
  return value.map((part, i) => (i >= 4 && i % 2 === 0 ? scaled(part, factor) : part));
}

export function mount(element) {
  const screen = new Screen(element);
  element.onemapScreen = screen;
  return () => screen.close();
}
