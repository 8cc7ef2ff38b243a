// The big screen (大屏). The server draws the frame, this module fills it from the live feed: nothing is asked for twice,
// every list is bounded, and after any loss the feed brings the whole state, so it may hang for weeks.
import { connect } from './feed.mjs';
import { attach, hideEvidence, showEvidence } from './live_map.mjs';
import { ready } from './map.mjs';
import { drawHours } from './screen_chart.mjs';
import { Stream } from './screen_stream.mjs';
import { el, getJson } from './dom.mjs';

const STALE = 75000; // ms; the server counts every 30 s at the latest
const HOME_AFTER = 5 * 60000; // ms without a hand on it: back to the whole scope
const PITCH = 48;
const BEARING = -14;
const NEARER = 0.35; // zoom levels
const NEAR = 16; // zoom from which a click on a house means the house
const WALL = ['water', 'green', 'streets', 'regions', 'grids', 'buildings', 'cases', 'workers'];

const whole = new Intl.NumberFormat('zh-CN');
const tenth = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const zone = { timeZone: 'Asia/Shanghai', hour12: false };
const hm = new Intl.DateTimeFormat('zh-CN', { ...zone, hour: '2-digit', minute: '2-digit' });
const hms = new Intl.DateTimeFormat('zh-CN', { ...zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
const stampOf = new Intl.DateTimeFormat('zh-CN', { ...zone, month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' });
const dateOf = new Intl.DateTimeFormat('zh-CN', { ...zone, month: 'long', day: 'numeric', weekday: 'long' });

const time = (text) => hm.format(new Date(text));
const stamp = (text) => (text ? stampOf.format(new Date(text)) : '未知');

class Screen {
  constructor(element) {
    this.element = element;
    this.slot = (name) => element.querySelector(`[data-slot="${name}"]`);
    this.shown = {};
    this.trail = []; // places that were opened, the deepest last: {place, name}
    this.feed = connect({ counts: true });
    this.stream = new Stream(this.slot('stream'), this.slot('open-alerts'), {
      onAlert: (alert) => this.openAlert(alert.id),
      onEvent: (event) => this.openEvent(event),
    });
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
    this.dark = () => this.darken();
    window.addEventListener('onemap:theme', this.dark);
    this.darken();
    this.openMap();
  }

  // The wall is dark whatever theme the user has on the desk.
  darken() {
    if (document.documentElement.dataset.theme === 'dark') return;
    document.documentElement.dataset.theme = 'dark';
    this.owner?.restyle();
  }

  async openMap() {
    const owner = await ready('screen-map');
    if (this.closed) return;
    this.owner = owner;
    owner.padding = () => this.padding();
    owner.map.on('resize', () => { if (!this.trail.length && this.slot('card').hidden) this.frame(owner.options.bounds, { duration: 0 }); });
    owner.overlays.add('here', { layers: spotlight, before: 'cases' });
    owner.setLayers(WALL, { keep: false });
    owner.setThreeD(true);
    this.enlarge();
    for (const name of ['style', 'layers', 'threeD']) owner.on(name, () => this.enlarge());
    if (this.place) this.light(this.place.outline);
    attach(owner, this.feed, { onAlert: (alert) => this.openAlert(alert.id) });
    owner.on('select', (selection) => this.select(selection));
    this.frame(owner.options.bounds, { duration: 0 });
  }

  // Points that are right on a desk are too small from five metres.
  enlarge() {
    const { map } = this.owner;
    const factor = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    for (const layer of map.getStyle().layers) {
      // What is closed is no news on the wall.
      if (layer.id.startsWith('cases:closed')) map.setLayoutProperty(layer.id, 'visibility', 'none');
      const power = { workers: 1, cases: 0.4 }[layer.metadata?.['onemap:layer']];
      if (layer.type !== 'circle' || !power) continue;
      map.setPaintProperty(layer.id, 'circle-radius', scaled(layer.paint['circle-radius'], Math.max(1, factor) ** power));
    }
  }

  frame(bounds, options = {}) {
    if (!bounds || !this.owner) return;
    const camera = this.owner.map.cameraForBounds(bounds, { padding: this.padding(), bearing: BEARING });
    if (!camera) return;
    // Seen from the side a place is flatter than its box: there is room to come nearer.
    this.owner.flyTo({ ...camera, zoom: Math.min(camera.zoom + NEARER, 17.2), pitch: PITCH, duration: 900, ...options }, { step: false });
  }

  // What the frame covers of the map, at this size of the wall.
  padding() {
    const share = parseFloat(getComputedStyle(document.documentElement).fontSize) / 26.67;
    if (window.innerWidth <= 900) return { top: 90, bottom: 330, left: 20, right: 20 };
    return { top: 130 * share, bottom: 250 * share, left: 300 * share, right: 460 * share };
  }

  // -- numbers -------------------------------------------------------------------------------------------------------

  show(situation) {
    const { numbers } = situation;
    this.place = situation;
    this.light(situation.outline);
    this.moment = new Date(situation.moment);
    this.write('people', numbers.people);
    this.write('households', numbers.households);
    this.write('on_duty', numbers.on_duty, `共 ${whole.format(numbers.workers)} 人`);
    this.write('open', numbers.open);
    this.write('overdue', numbers.overdue, null, numbers.overdue > 0 ? 'bad' : 'good');
    this.write('alerts', numbers.alerts, `今日 ${whole.format(numbers.alerts_today)} 起`, numbers.alerts > 0 ? 'bad' : 'good');
    const rate = numbers.closed ? Math.round((100 * numbers.in_time) / numbers.closed) : null;
    this.write('in_time', rate, numbers.closed ? `${whole.format(numbers.in_time)} / ${whole.format(numbers.closed)} 件` : '今日尚无办结');
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
  }

  select(selection) {
    if (!selection) return;
    // From afar a click on a house means the ground it stands on.
    const ground = selection.at && this.groundAt(selection.at);
    if (selection.kind === 'building' && this.owner.map.getZoom() < NEAR && ground) {
      this.enter(ground);
      return;
    }
    if (selection.kind === 'grid_worker') this.openWorker(selection.id);
    else if (selection.kind === 'building') this.openBuilding(selection.id);
    else if (selection.kind === 'event') this.openEvent({ id: Number(selection.id) });
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
    this.closeCard();
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
    if (!this.slot('card').hidden) this.closeCard();
    else if (this.trail.length) this.goTo(this.trail.length - 1);
  }

  // -- the card: what was clicked -------------------------------------------------------------------------------------

  async openAlert(id) {
    const token = this.claim();
    try {
      const found = await showEvidence(this.owner, id, { pitch: 30, bearing: 0, maxZoom: 17 });
      if (this.claimed !== token) return;
      this.moved = true;
      const { alert } = found;
      const { seconds, furthest_m: furthest, fixes = [] } = alert.evidence;
      this.card('alert', alert.title, [
        ['开始离开', time(alert.opened_at)],
        ['告警', `${time(alert.raised_at)}，连续 ${seconds} 秒，${fixes.length} 个定位点`],
        ['最远', furthest === undefined ? '未知' : `${Math.round(furthest)} 米`],
        ['返回', alert.returned_at ? time(alert.returned_at) : '尚未返回'],
        ['规则', alert.rule_summary],
      ], alert.acknowledged_at
        ? [el('p', { class: 'done' }, `${alert.acknowledged_by ?? ''} 已于 ${time(alert.acknowledged_at)} 确认`)]
        : [el('button', { class: 'button primary', type: 'button', on: { click: () => this.acknowledge(id) } }, '确认告警')]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async acknowledge(id) {
    try {
      await getJson(`/api/v1/alerts/${id}/acknowledge`, { method: 'POST', headers: { 'X-Requested-With': 'onemap' } });
      await this.openAlert(id);
    } catch (error) {
      this.card('problem', '未能确认', [['原因', error.message]]);
    }
  }

  async openWorker(id) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/workers/${id}/track`);
      if (this.claimed !== token) return;
      hideEvidence(this.owner);
      this.owner.setData('worker-track', found);
      this.track = true;
      this.card('worker', `网格员 ${found.worker.name}`, [
        ['今日里程', `${whole.format(Math.round(found.metres))} 米`],
        ['定位点', `${whole.format(found.fixes)} 个`],
        ['中断', found.gaps.length ? `${found.gaps.length} 次` : '无'],
      ]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async openBuilding(id) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/profile/building/${id}`);
      if (this.claimed !== token) return;
      this.card('building', found.title, (found.counts ?? []).slice(0, 4).map((count) => [count.label, `${count.value ?? '未知'} ${count.unit ?? ''}`]), [
        el('a', { class: 'button primary', href: `/#s=building:${encodeURIComponent(id)}` }, '打开楼盘表'),
      ]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async openEvent(event) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/events/${event.id}`);
      if (this.claimed !== token) return;
      this.owner?.flyTo([found.lon, found.lat], { step: false, maxZoom: 18, pitch: PITCH });
      this.moved = true;
      this.card('event', found.title, [
        ['状态', found.state_label ?? found.state],
        ['上报', stamp(found.reported_at)],
        ['时限', stamp(found.due_at)],
        ['责任单位', found.assignee || '尚未交办'],
        ['地址', found.address || '未填写'],
      ], [el('a', { class: 'button primary', href: `/cases?id=${event.id}` }, '打开案件')]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  // Of two clicks only the later one's answer is shown.
  claim() {
    this.claimed = Symbol('card');
    return this.claimed;
  }

  fail(token, error) {
    if (this.claimed === token) this.card('problem', '未能打开', [['原因', error.message]]);
  }

  card(kind, title, facts, actions = []) {
    const card = this.slot('card');
    card.dataset.kind = kind;
    card.hidden = false;
    card.replaceChildren(
      el('header', {}, el('h2', {}, title), el('button', { type: 'button', class: 'card-close', 'aria-label': '关闭', on: { click: () => this.closeCard() } }, '×')),
      el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
      ...actions,
    );
  }

  closeCard() {
    this.claim();
    this.slot('card').hidden = true;
    if (!this.owner) return;
    hideEvidence(this.owner);
    if (this.track) this.owner.setData('worker-track', null);
    this.track = false;
    // Back to where the look began.
    if (this.moved) this.frame(this.place?.bounds ?? this.owner.options.bounds);
    this.moved = false;
  }

  close() {
    this.closed = true;
    window.clearInterval(this.timer);
    window.removeEventListener('keydown', this.onKey);
    for (const name of ['pointerdown', 'wheel', 'keydown']) window.removeEventListener(name, this.onHand);
    window.removeEventListener('onemap:theme', this.dark);
    this.feed.close();
  }
}

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

const spotlight = () => [
  { type: 'fill', filter: ['==', ['get', 'kind'], 'shade'], paint: { 'fill-color': '#0b1420', 'fill-opacity': 0.55 } },
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
