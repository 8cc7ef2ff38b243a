// The desk of a grid manager: choose a community, draw on its map, see the load move, publish.
// The server keeps the draft; this module shows it, sends one operation at a time, and shows what was refused and why.
import { el } from './dom.mjs';
import { cornerTool, lineTool } from './draw.mjs';
import { ExactEdges } from './exact_edges.mjs';
import { connect, toastGrids } from './feed.mjs';
import { ask, Refused } from './grid_api.mjs';
import { showState } from './grid_panel.mjs';
import { buildTools, hints } from './grid_tools.mjs';
import { collection, feature, LAYERS, legendOf, mask, problemFeatures } from './grid_overlays.mjs';
import { ready, theme } from './map.mjs';
import { isSideways } from './phone.mjs';

const props = (id, values) => window.dash_clientside?.set_props?.(id, values);
const whole = new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 0 });

class Desk {
  constructor(element, options) {
    this.element = element;
    this.options = options;
    this.measure = options.measures[0];
    this.chosen = new Set();
    this.tool = null;
    this.toolName = null;
    this.base = null;
    this.draft = null;
    this.busy = false;
  }

  async open() {
    this.map = await ready('map');
    for (const [name, layers] of Object.entries(LAYERS)) this.map.overlays.add(name, { layers });
    this.tools = buildTools(document.getElementById('grid-tools'), this);
    this.build();
    this.onKey = (event) => this.key(event);
    this.onPublished = () => this.attempt(async () => {
      this.fillCommunities(await ask('/communities'));
      await this.load(this.base.community);
    });
    this.onRow = (event) => this.choose(event.detail ? [event.detail] : [], { fly: true });
    window.addEventListener('keydown', this.onKey);
    window.addEventListener('onemap:grids-published', this.onPublished);
    window.addEventListener('onemap:grids-row', this.onRow);
    this.feed = connect();
    this.feed.on('change', ({ grids }) => grids.forEach((one) => this.hear(one)));
    this.onClick = (event) => this.click(event);
    this.map.map.on('click', this.onClick);
    this.map.on('style', () => this.explain?.());
    await this.attempt(async () => {
      const list = await ask('/communities');
      this.fillCommunities(list);
      if (list.length === 0) return this.status('管辖范围内没有社区边界图形。请先导入区域。');
      const wanted = new URLSearchParams(window.location.search).get('c') ?? localStorage.getItem('grids:community');
      const there = list.find((one) => one.place === wanted) ?? list.find((one) => one.grids > 0) ?? list[0];
      return this.load(there.place, { jump: true });
    });
  }

  // A scheduled version could not take effect: say so, and show it where its community is open.
  async hear(notice) {
    toastGrids(notice);
    if (this.base?.community !== notice.place) return;
    const { scheduled } = await ask(`/${notice.place}`);
    if (this.base?.community !== notice.place) return;
    this.base.scheduled = scheduled;
    this.show();
  }

  close() {
    this.feed?.close();
    this.setTool(null);
    window.removeEventListener('keydown', this.onKey);
    window.removeEventListener('onemap:grids-published', this.onPublished);
    window.removeEventListener('onemap:grids-row', this.onRow);
  }

  build() {
    this.select = el('select', { class: 'input', 'aria-label': '社区', on: { change: () => this.attempt(() => this.load(this.select.value)) } });
    this.state = el('div', { class: 'grid-state' });
    this.sum = el('div', { class: 'grid-sum' });
    const measures = this.options.measures.map((one) => el('option', { value: one.id }, one.label));
    this.shade = el('select', { class: 'input small', 'aria-label': '地图着色', on: { change: () => this.setMeasure(this.shade.value) } }, ...measures);
    this.scale = el('span', { class: 'grid-scale' });
    this.element.append(
      el('label', { class: 'field-label', for: 'grid-community' }, '社区'), this.select, this.state, this.sum,
      el('div', { class: 'grid-shade' }, el('span', {}, '地图着色'), this.shade, el('span', { class: 'ramp' }), this.scale),
    );
    this.select.id = 'grid-community';
    this.refusal = document.getElementById('grid-refusal');
    this.hint = document.getElementById('grid-hint');
    document.getElementById('grid-publish-open').addEventListener('click', () => props('grid-publish', { opened: true }));
    document.getElementById('grid-discard').addEventListener('click', () => this.discard());
    const fold = document.getElementById('grid-fold');
    const panel = document.getElementById('grid-panel');
    fold.addEventListener('click', () => {
      const folded = panel.classList.toggle('folded');
      fold.setAttribute('aria-expanded', String(!folded));
      fold.title = folded ? '展开' : '收起';
    });
  }

  fillCommunities(list) {
    const streets = new Map();
    for (const one of list) {
      if (!streets.has(one.street)) streets.set(one.street, el('optgroup', { label: one.street || '未命名街道' }));
      streets.get(one.street).append(el('option', { value: one.place }, `${one.name}（${one.grids} 个网格${one.draft ? '，有草稿' : ''}）`));
    }
    this.select.replaceChildren(...streets.values());
  }

  // The community's grids in force, and its draft where one is open.
  async load(community, { jump = false } = {}) {
    this.setTool(null);
    this.base = await ask(`/${community}`);
    this.versions = null;
    this.past = null;
    this.map.setData('grid-past', collection([]));
    this.draft = this.base.draft && this.base.may_draw ? await ask(`/${community}/draft`) : null;
    this.select.value = community;
    localStorage.setItem('grids:community', community);
    const address = new URL(window.location.href);
    address.searchParams.set('c', community);
    window.history.replaceState(window.history.state, '', address);
    this.chosen.clear();
    this.show();
    this.map.flyTo(this.base.bounds, { step: false, maxZoom: 18, padding: this.free(), ...(jump ? { duration: 0 } : {}) });
    this.element.dataset.ready = community;
  }

  // Everything on the screen from the draft, or from what is in force.
  show() {
    const view = this.draft ?? this.base;
    this.edges = new ExactEdges(view.grids, view.border);
    const rows = view.grids.features.map((one) => one.properties);
    const values = rows.map((row) => row[this.measure.id]);
    const most = Math.max(1, ...values);
    const least = Math.min(...values, most);
    const features = view.grids.features.map((one) => ({
      ...one,
      properties: { ...one.properties, chosen: this.chosen.has(one.id), share: most === least ? 0.5 : (one.properties[this.measure.id] - least) / (most - least) },
    }));
    this.map.setData('grid-mask', collection([mask(view.border)]));
    this.map.setData('grid-border', collection([feature(view.border)]));
    this.map.setData('grid-area', collection(features));
    this.map.setData('grid-label', collection(rows.map((row) => feature(
      { type: 'Point', coordinates: [row.label_lon, row.label_lat] },
      { number: row.number, changed: row.changed, caption: `${whole.format(row[this.measure.id])} ${this.measure.unit}` },
    ))));
    this.explain = () => this.map.setLegend('grids', legendOf(theme(), this.measure.label, [least, most].map((value) => `${whole.format(value)} ${this.measure.unit}`)));
    this.explain();
    this.showCorners();
    props('grid-loads', { rowData: rows.map((row) => ({ ...row, share: row[this.measure.id] / most })) });
    // The marks and bars of a row depend on more than the cell's own value.
    window.setTimeout(() => window.dash_ag_grid?.getApi?.('grid-loads')?.refreshCells({ force: true }), 60);
    props('grid-draft', { data: this.draft ? { community: this.base.community, name: this.base.name, revision: this.draft.revision } : null });
    showState(this, rows, values);
    this.tools.update();
  }

  // -- versions -------------------------------------------------------------------------------------------------

  toggleVersions() {
    return this.attempt(async () => {
      this.versions = this.versions ? null : await ask(`/${this.base.community}/versions`);
      if (!this.versions) this.comparePast(null);
      this.show();
    });
  }

  async comparePast(version) {
    this.past = version;
    this.map.setData('grid-past', version === null ? collection([]) : await ask(`/${this.base.community}/versions/${version}`));
    this.show();
  }

  status(text) { this.state.replaceChildren(el('div', {}, text)); }

  showCorners() {
    const on = this.toolName === 'move' && this.edges;
    const points = on ? [...this.edges.corners.values()] : [];
    this.map.setData('grid-corner', collection(points.map((one) => feature(
      { type: 'Point', coordinates: one.at }, { outer: one.outer, chosen: String(one.at) === String(this.corner?.at) },
    ))));
  }

  setMeasure(id) {
    this.measure = this.options.measures.find((one) => one.id === id);
    this.show();
  }

  // -- tools ----------------------------------------------------------------------------------------------------

  async setTool(name) {
    this.tool?.stop();
    this.tool = null;
    this.toolName = null;
    this.corner = null;
    if (this.map) this.map.busy = false;
    if (name && !this.draft) {
      const opened = await this.attempt(async () => { this.draft = await ask(`/${this.base.community}/draft`, 'POST'); return true; });
      if (!opened) return;
      this.show();
    }
    this.toolName = name;
    if (name) this.clearRefusal();
    const edges = () => this.edges;
    if (name === 'split') {
      this.chosen.clear();
      this.tool = lineTool(this.map, { edges, finished: (line) => this.apply({ kind: 'split', line }, { type: 'LineString', coordinates: line }) });
    } else if (name === 'move') {
      this.chosen.clear();
      this.tool = cornerTool(this.map, {
        edges,
        show: (hand) => this.showHand(hand),
        moved: (from, to) => this.apply({ kind: 'move', from, to }, { type: 'LineString', coordinates: [from, to] }),
        chosen: (corner) => { this.corner = corner; this.showCorners(); this.showHint(); },
      });
    } else if (name === 'merge') {
      this.map.busy = true;
    }
    if (this.base) this.show();
    this.showHint();
  }

  showHint() {
    const text = hints[this.toolName];
    this.hint.hidden = !text;
    this.hint.replaceChildren(text ?? '');
    const button = (label, act, primary = false) => el('button', { type: 'button', class: `button${primary ? ' primary' : ''}`, on: { click: act } }, label);
    if (this.toolName === 'merge' && this.chosen.size > 1) this.hint.append(button(`合并选中的 ${this.chosen.size} 个网格`, () => this.mergeChosen(), true));
    if (this.toolName === 'move' && this.corner) this.hint.append(button('删除选中的角点', () => this.removeCorner()));
    if (this.toolName) this.hint.append(button('完成', () => this.setTool(null)));
  }

  showHand(hand) {
    const lines = hand ? hand.near.map((end) => feature({ type: 'LineString', coordinates: [end, hand.at] })) : [];
    this.map.setData('grid-hand', collection(hand ? [...lines, feature({ type: 'Point', coordinates: hand.at })] : []));
  }

  click(event) {
    if (this.toolName && this.toolName !== 'merge') return;
    const found = this.map.map.queryRenderedFeatures(event.point, { layers: ['overlay:grid-area:0'] })[0];
    const code = found?.properties.code;
    if (this.toolName !== 'merge') {
      this.choose(code ? [code] : []);
      return;
    }
    if (!code) return;
    if (this.chosen.has(code)) this.chosen.delete(code);
    else this.chosen.add(code);
    this.show();
    this.showHint();
  }

  choose(codes, { fly = false } = {}) {
    if (this.toolName === 'merge' && codes.length) this.chosen.add(codes[0]);
    else this.chosen = new Set(codes);
    this.show();
    this.showHint();
    if (!fly || !codes.length) return;
    const shape = (this.draft ?? this.base).grids.features.find((one) => one.id === codes[0]);
    if (!shape) return;
    const ring = shape.geometry.coordinates[0];
    const xs = ring.map((p) => p[0]);
    const ys = ring.map((p) => p[1]);
    this.map.flyTo([Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)], { step: false, maxZoom: 18, padding: this.free() });
  }

  // What the panel and the tools leave free of the map.
  free() {
    const map = this.map.element.getBoundingClientRect();
    const panel = document.getElementById('grid-panel').getBoundingClientRect();
    const small = map.width < 760;
    if (isSideways()) return { top: 80, bottom: 30, left: 24, right: map.right - panel.left + 20 };
    return small
      ? { top: 120, bottom: map.bottom - panel.top + 20, left: 24, right: 24 }
      : { top: 130, bottom: 50, left: panel.right - map.left + 40, right: 80 };
  }

  mergeChosen() { return this.apply({ kind: 'merge', codes: [...this.chosen] }); }

  removeCorner() { return this.apply({ kind: 'remove', at: this.corner.at }); }

  // -- the draft ------------------------------------------------------------------------------------------------

  // One operation; drawn is shown in red beside the reason where it is refused.
  async apply(operation, drawn = null) {
    await this.attempt(async () => {
      const before = new Map(this.draft.grids.features.map((one) => [one.id, JSON.stringify(one.geometry)]));
      this.draft = await ask(`/${this.base.community}/draft/operations`, 'POST', { revision: this.draft.revision, operation });
      const fresh = this.draft.grids.features.filter((one) => before.get(one.id) !== JSON.stringify(one.geometry)).map((one) => one.id);
      this.corner = null;
      this.chosen = this.toolName === 'merge' ? new Set() : new Set(fresh);
      this.show();
      window.setTimeout(() => { if (fresh.every((code) => this.chosen.has(code))) { this.chosen.clear(); this.show(); } }, 1200);
    }, drawn);
    this.showHand(null);
    this.showHint();
  }

  step(way) {
    return this.attempt(async () => {
      this.draft = await ask(`/${this.base.community}/draft/${way}`, 'POST', { revision: this.draft.revision });
      this.chosen.clear();
      this.corner = null;
      this.show();
    });
  }

  async discard() {
    const steps = this.draft?.steps.length ?? 0;
    if (steps && !window.confirm(`放弃草稿的 ${steps} 步改动？现行网格保持不变。`)) return;
    await this.attempt(async () => {
      await ask(`/${this.base.community}/draft`, 'DELETE');
      await this.load(this.base.community);
    });
  }

  async withdraw() {
    if (!window.confirm(`撤回定于 ${this.base.scheduled.planned_for} 生效的第 ${this.base.scheduled.version} 版？`)) return;
    await this.attempt(async () => {
      await ask(`/${this.base.community}/scheduled`, 'DELETE');
      await this.load(this.base.community);
    });
  }

  // Run a step; a refusal shows its reason in words and on the map, and a draft changed elsewhere is fetched anew.
  async attempt(work, drawn = null) {
    if (this.busy) return undefined;
    this.busy = true;
    this.clearRefusal();
    document.body.classList.add('grid-waiting');
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused)) console.error('grids', error);
      this.refuse(error, drawn);
      if (error.status === 409 && this.base) {
        this.base = await ask(`/${this.base.community}`);
        this.draft = this.base.draft ? await ask(`/${this.base.community}/draft`) : null;
        this.show();
      }
      return undefined;
    } finally {
      this.busy = false;
      document.body.classList.remove('grid-waiting');
      this.tools?.update();
    }
  }

  refuse(error, drawn) {
    this.map.setData('grid-problem', collection(problemFeatures(error.problems ?? [], drawn)));
    this.refusal.replaceChildren(
      el('div', {}, el('strong', {}, error.message), el('p', {}, error.remedy ?? '')),
      el('button', { type: 'button', class: 'icon-button', title: '关闭', 'aria-label': '关闭', on: { click: () => this.clearRefusal() } }, '✕'),
    );
    this.refusal.hidden = false;
  }

  clearRefusal() {
    if (!this.refusal || this.refusal.hidden) return;
    this.refusal.hidden = true;
    this.map.setData('grid-problem', collection([]));
  }

  key(event) {
    if (event.target.closest('input, textarea, select, [role="dialog"]')) return;
    const control = event.ctrlKey || event.metaKey;
    const letter = event.key.toLowerCase();
    if (control && letter === 'z' && !event.shiftKey && this.draft?.can_undo) this.step('undo');
    else if (control && (letter === 'y' || (letter === 'z' && event.shiftKey)) && this.draft?.can_redo) this.step('redo');
    else if (event.key === 'Delete' && this.corner) this.removeCorner();
    else if (event.key === 'Enter' && this.toolName === 'merge' && this.chosen.size > 1) this.mergeChosen();
    else if (event.key === 'Escape') this.escape();
    else return;
    event.preventDefault();
  }

  escape() {
    if (!this.refusal.hidden) this.clearRefusal();
    else if (this.toolName) this.setTool(null);
    else this.choose([]);
  }
}

export async function mount(element, options) {
  const desk = new Desk(element, options);
  await desk.open();
  return () => desk.close();
}
