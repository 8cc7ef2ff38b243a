// The one map module. Every page's map is an OneMap; window.onemapReady resolves to the functions exported below.
import { Map as GlMap, ScaleControl } from 'maplibre-gl';
import { addControls } from './controls.mjs';
import { drawing } from './graphics.mjs';
import { glider } from './live.mjs';
import { OVERLAY, Overlays } from './overlays.mjs';
import { attachPicking } from './picking.mjs';
import { attachPrinting } from './print.mjs';
import * as style from './style.mjs';
import * as viewState from './view_state.mjs';

const LOCALE = {
  'ScaleControl.Meters': '米', 'ScaleControl.Kilometers': '公里', 'Map.Title': '地图',
  'Popup.Close': '关闭', 'Marker.Title': '标记',
};
const START = { center: [120.174, 30.291], zoom: 13 };

const maps = new Map();
const waiting = new Map();

export const theme = () => (document.documentElement.dataset.theme === 'light' ? 'light' : 'dark');

export class OneMap {
  constructor(id, element, options) {
    this.id = id;
    this.element = element;
    this.options = options;
    this.listeners = new Map();
    this.overlays = new Overlays(this);
    this.legends = new Map(); // what a page draws itself: name → {title, items, note, origin}
    const link = options.link ? viewState.read() : {};
    this.state = {
      layers: link.layers ?? options.layers ?? null,
      selection: link.selection ?? null,
      time: link.time ?? null,
      threeD: (link.view?.pitch ?? 0) > 0,
      hidden: new Map(Object.entries(link.hidden ?? {})),
    };
    this.startView = link.view ?? null;
  }

  async open() {
    // The font must be there before the first label is drawn: glyphs are cut from the page's fonts.
    await Promise.all([document.fonts.load('500 14px "Noto Sans CJK SC"', '社区一张图'), style.load(theme())]);
    const { bounds, center, zoom } = this.options;
    const { antialias, fadeDuration } = drawing();
    const view = this.startView ?? (bounds ? { bounds, fitBoundsOptions: { padding: this.padding() } } : { center: center ?? START.center, zoom: zoom ?? START.zoom });
    this.map = new GlMap({
      container: this.element,
      style: await this.currentStyle(),
      ...view,
      attributionControl: false,
      locale: LOCALE,
      maxPitch: 70,
      minZoom: 8,
      maxZoom: 20.5,
      dragRotate: true,
      fadeDuration,
      canvasContextAttributes: { antialias, preserveDrawingBuffer: Boolean(this.options.printable) },
    });
    this.map.addControl(new ScaleControl({ maxWidth: 120, unit: 'metric' }), 'bottom-left');
    this.map.touchZoomRotate.enable();
    addControls(this);
    attachPicking(this);
    attachPrinting(this);
    this.map.on('moveend', () => {
      this.state.threeD = this.state.threeD || this.map.getPitch() > 5;
      this.keep();
      this.emit('view', this.view());
    });
    this.map.on('error', (event) => this.emit('error', { message: String(event.error?.message ?? event.error) }));
    this.onTheme = () => this.restyle();
    window.addEventListener('onemap:theme', this.onTheme);
    this.onBack = () => this.applyLink();
    if (this.options.link) window.addEventListener('popstate', this.onBack);
    this.observer = new ResizeObserver(() => this.map.resize());
    this.observer.observe(this.element);
    await new Promise((resolve) => { this.map.once('style.load', resolve); });
    this.state.layers ??= this.shownLayers();
    this.overlays.restore();
    // What is overdue is decided here, by a clock that moves on, so that tiles need not change with it.
    const tick = () => this.map.setGlobalStateProperty('now', Math.floor(Date.now() / 1000));
    tick();
    this.clock = window.setInterval(tick, 30000);
    if (this.state.selection) this.emit('select', { ...this.state.selection, from: 'link' });
    performance.mark(`onemap:${this.id}:style`);
    this.map.once('idle', () => {
      this.element.dataset.idle = 'true';
      performance.mark(`onemap:${this.id}:idle`);
    });
    return this;
  }

  close() {
    window.removeEventListener('onemap:theme', this.onTheme);
    window.removeEventListener('popstate', this.onBack);
    this.observer?.disconnect();
    window.clearInterval(this.clock);
    this.emit('close', {});
    this.map?.remove();
  }

  async currentStyle() {
    const visible = this.state.layers ? new Set(this.state.layers) : null;
    return style.compose(await style.load(theme()), { visible, threeD: this.state.threeD, time: this.state.time, hidden: this.state.hidden });
  }

  // Which layers are on, by the style: a layer counts as on if any of its parts is drawn.
  shownLayers() {
    const shown = new Set();
    for (const layer of this.map.getStyle().layers) {
      const id = style.layerOf(layer);
      if (id !== null && layer.layout?.visibility !== 'none') shown.add(id);
    }
    return [...shown];
  }

  // Same sources stay loaded: MapLibre applies the difference only.
  async restyle() {
    const next = await this.currentStyle();
    if (!this.map) return;
    this.map.setStyle(next, { diff: true, transformStyle: (before, after) => this.overlays.carry(before, after) });
    this.emit('style', { theme: theme() });
  }

  view() {
    const { lng, lat } = this.map.getCenter();
    return { center: [lng, lat], zoom: this.map.getZoom(), bearing: this.map.getBearing(), pitch: this.map.getPitch() };
  }

  keep(step = false) {
    if (!this.options.link || !this.map || this.following) return;
    const { layers, selection, time, hidden } = this.state;
    viewState.store({ view: this.view(), layers, selection, time, hidden: Object.fromEntries(hidden) }, { step });
  }

  // Back and forward: the link is the truth, the map follows.
  applyLink() {
    const link = viewState.read();
    // A flight under way ends here, and its end is a move: what it would keep belongs to the step that was left.
    this.following = true;
    this.map.stop();
    this.following = false;
    if (link.view) this.map.easeTo({ ...link.view, duration: 500 });
    const same = (link.layers ?? []).join() === (this.state.layers ?? []).join();
    this.state.time = link.time ?? null;
    if (!same && link.layers) this.setLayers(link.layers, { keep: false });
    const before = this.state.selection;
    this.state.selection = link.selection ?? null;
    if (before?.id !== link.selection?.id || before?.kind !== link.selection?.kind) {
      this.emit('select', link.selection ? { ...link.selection, from: 'link' } : null);
    }
  }

  setLayers(ids, { keep = true } = {}) {
    this.state.layers = [...ids];
    const visible = new Set(ids);
    for (const layer of this.map.getStyle().layers) {
      const id = style.layerOf(layer);
      if (id === null || layer.id.startsWith(OVERLAY)) continue;
      const flat = layer.metadata['onemap:role'] === 'extrusion' && !this.state.threeD;
      this.map.setLayoutProperty(layer.id, 'visibility', visible.has(id) && !flat ? 'visible' : 'none');
    }
    if (keep) this.keep();
    this.emit('layers', ids);
  }

  setThreeD(on) {
    this.state.threeD = on;
    this.setLayers(this.state.layers, { keep: false });
    this.map.easeTo({ pitch: on ? 55 : 0, bearing: on ? this.map.getBearing() || -18 : 0, duration: 700 });
    this.emit('threeD', on);
  }

  setTime(time) {
    this.state.time = time;
    this.keep();
    this.emit('time', time);
    return this.restyle();
  }

  // Classes of a layer that the legend switched off.
  setHidden(layer, field, values) {
    if (values.length) this.state.hidden.set(layer, { field, values });
    else this.state.hidden.delete(layer);
    this.keep();
    return this.restyle();
  }

  // Free part of the map: what stands open over its edges is not looked through.
  padding() {
    if (this.options.padding) return this.options.padding;
    const { clientWidth: width, clientHeight: height } = this.element;
    const free = { top: 48, bottom: 56, left: 48, right: 64 };
    const frame = this.element.parentElement;
    for (const panel of frame.querySelectorAll('.switcher:not(.folded, :empty), .profile-panel.open, .sheet-drawer:not([hidden]), .time-filter:not([hidden])')) {
      // Where it will lie: an offset does not know of the slide that is under way.
      const fixed = getComputedStyle(panel).position === 'fixed' ? frame.getBoundingClientRect() : { left: 0, top: 0 };
      const { offsetWidth: wide } = panel;
      const left = panel.offsetLeft - fixed.left;
      const top = panel.offsetTop - fixed.top;
      if (wide > width * 0.8 || panel.matches('.time-filter')) free.bottom = Math.max(free.bottom, height - top + 16);
      else if (left + wide / 2 < width / 2) free.left = Math.max(free.left, left + wide + 24);
      else free.right = Math.max(free.right, width - left + 24);
    }
    // A window too small for all of it: the map is framed whole rather than not at all.
    if (free.left + free.right > width * 0.85) Object.assign(free, { left: 24, right: 24 });
    if (free.top + free.bottom > height * 0.85) Object.assign(free, { top: 24, bottom: 24 });
    return free;
  }

  // where: [west, south, east, north], [lon, lat], or {center, zoom, …}
  flyTo(where, { step = true, maxZoom = 18, ...more } = {}) {
    if (step) this.keep(true);
    const quiet = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    const duration = quiet ? 0 : 900;
    if (Array.isArray(where) && where.length === 4) {
      const [west, south, east, north] = where;
      this.map.fitBounds([[west, south], [east, north]], { padding: this.padding(), maxZoom, duration, ...more });
    } else if (Array.isArray(where)) {
      this.map.flyTo({ center: where, zoom: Math.max(this.map.getZoom(), maxZoom - 1), duration, ...more });
    } else {
      this.map.flyTo({ duration, ...where, ...more });
    }
  }

  // selection: {kind, id, from} or null; the page's store hears of it through the event.
  select(selection, { step = true } = {}) {
    this.state.selection = selection ? { kind: selection.kind, id: String(selection.id) } : null;
    this.keep(step);
    this.emit('select', selection);
  }

  // Records of these families have changed: tiles that show them are asked for again, and compared by their ETag.
  refresh(families) {
    const changed = new Set(families);
    for (const [name, source] of Object.entries(this.map.getStyle().sources)) {
      if (source.type === 'vector' && (changed.has('*') || source['onemap:families']?.some((family) => changed.has(family)))) this.map.refreshTiles(name);
    }
    this.emit('revision', families);
  }

  // The legend of something that the page lays over the registry's layers; null takes it away.
  setLegend(name, section) {
    if (section) this.legends.set(name, section);
    else this.legends.delete(name);
    this.emit('legend', name);
  }

  // Layers of the registry in this theme, for whoever explains the map: legend, switcher, print.
  async describeLayers() {
    this.layerInfo = await style.describe(theme());
    return this.layerInfo;
  }

  setData(source, geojson) { this.overlays.setData(source, geojson); }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
    return () => this.listeners.get(event).delete(listener);
  }

  emit(event, detail) {
    for (const listener of this.listeners.get(event) ?? []) listener(detail);
    this.element.dispatchEvent(new CustomEvent(`onemap:${event}`, { detail, bubbles: true }));
  }
}

export async function init(id, options = {}) {
  const element = document.getElementById(id);
  maps.get(id)?.close();
  const map = new OneMap(id, element, options);
  await map.open();
  maps.set(id, map);
  for (const resolve of waiting.get(id) ?? []) resolve(map);
  waiting.delete(id);
  return map;
}

// The map if it stands already, else undefined; ready() waits for it.
export const map = (id) => maps.get(id);

export function ready(id) {
  const there = maps.get(id);
  if (there && there.element.isConnected) return Promise.resolve(there);
  return new Promise((resolve) => {
    if (!waiting.has(id)) waiting.set(id, []);
    waiting.get(id).push(resolve);
  });
}

export const setLayers = async (id, ids) => (await ready(id)).setLayers(ids);
export const setTheme = async (id) => (await ready(id)).restyle();
export const setTime = async (id, time) => (await ready(id)).setTime(time);
export const flyTo = async (id, where, options) => (await ready(id)).flyTo(where, options);
export const select = async (id, selection) => (await ready(id)).select(selection);
export const setData = async (id, source, geojson) => (await ready(id)).setData(source, geojson);
export const addOverlay = async (id, name, overlay) => (await ready(id)).overlays.add(name, overlay);
export const refresh = async (id, families) => (await ready(id)).refresh(families);
// Moving things of a source of the style (a live layer); {whole: true} when the features are all there are.
export const push = async (id, source, features, options) => glider(await ready(id), source).push(features, options);
export const on = async (id, event, listener) => (await ready(id)).on(event, listener);

export function forget(id) {
  maps.get(id)?.close();
  maps.delete(id);
}
