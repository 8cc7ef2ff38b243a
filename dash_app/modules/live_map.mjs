// What the feed says, drawn on a map: workers glide, open alerts pulse and stay lit, changed tiles are fetched again.
// attach(owner, feed, {onAlert}) serves every page with a map; it ends with the map.
import { Marker } from 'maplibre-gl';
import { el, getJson } from './dom.mjs';
import { GLIDE, glider } from './live.mjs';

const CALM = 4000; // ms between two renewals of tiles: a busy street must not flicker
const TRACK = 'alert-track';

// [id, place, name, lon, lat, ms, speed, alerted] → a feature of the workers' layer
function feature([id, place, name, lon, lat, ms, speed, alerted]) {
  return {
    type: 'Feature',
    properties: { id, place, name, at: Math.floor(ms / 1000), speed, outside: Boolean(alerted) },
    geometry: { type: 'Point', coordinates: [lon, lat] },
  };
}

export function attach(owner, feed, { onAlert = () => {} } = {}) {
  const workers = glider(owner, 'workers');
  const marks = new AlertMarks(owner, onAlert);
  const dirty = new Set();
  let calm = 0;

  const renew = () => {
    calm = 0;
    if (dirty.size) owner.refresh([...dirty]);
    dirty.clear();
  };

  feed.on('state', (state) => {
    workers.push(state.workers.map(feature), { whole: true });
    marks.whole(state.alerts);
    for (const [id, , , lon, lat] of state.workers) marks.move(id, [lon, lat]);
    dirty.add('*');
    calm ||= window.setTimeout(renew, CALM);
  });
  feed.on('change', (change) => {
    if (change.moves.length) {
      workers.push(change.moves.map(feature));
      for (const [id, , , lon, lat] of change.moves) marks.move(id, [lon, lat]);
    }
    for (const alert of change.alerts) {
      marks.put(alert);
      if (alert.worker) workers.mark(alert.worker, { outside: alert.state === 'open' || alert.state === 'acknowledged' });
    }
    for (const family of change.families) dirty.add(family);
    if (dirty.size) calm ||= window.setTimeout(renew, CALM);
  });
  owner.on('close', () => {
    window.clearTimeout(calm);
    marks.clear();
  });
}

const isOpen = (alert) => alert.state === 'open' || alert.state === 'acknowledged';

// Open alerts as marks of their own, above everything: three pulses, then lit until things are in order again.
class AlertMarks {
  constructor(owner, onAlert) {
    this.owner = owner;
    this.onAlert = onAlert;
    this.marks = new Map();
    owner.map.on('movestart', () => this.still());
  }

  whole(alerts) {
    const open = new Set(alerts.filter(isOpen).map((alert) => alert.id));
    for (const id of this.marks.keys()) if (!open.has(id)) this.drop(id);
    for (const alert of alerts) this.put(alert, { quiet: true });
  }

  put(alert, { quiet = false } = {}) {
    if (!isOpen(alert) || alert.lon === null) {
      this.drop(alert.id);
      return;
    }
    let mark = this.marks.get(alert.id);
    if (!mark) {
      const button = el('button', {
        class: quiet ? 'alert-mark' : 'alert-mark is-new',
        type: 'button',
        'aria-label': alert.title,
        title: alert.title,
        data: { alert: String(alert.id) },
        on: { click: (event) => { event.stopPropagation(); this.onAlert(mark.alert); } },
      }, el('i'), el('span', {}, alert.name ?? ''));
      mark = { marker: new Marker({ element: button, anchor: 'center' }), button };
      this.marks.set(alert.id, mark);
      mark.marker.setLngLat([alert.lon, alert.lat]).addTo(this.owner.map);
    }
    mark.alert = alert;
    mark.button.classList.toggle('is-seen', alert.state === 'acknowledged');
  }

  // The mark goes where its worker goes, with the same glide as the dot below it.
  move(worker, to) {
    for (const { alert, marker, button } of this.marks.values()) {
      if (alert.worker !== worker) continue;
      // While the map itself moves, the mark has to stay with it.
      const glide = !this.owner.map.isMoving();
      button.classList.toggle('is-moving', glide);
      marker.setLngLat(to);
      if (glide) window.setTimeout(() => button.classList.remove('is-moving'), GLIDE);
    }
  }

  still() {
    for (const { button } of this.marks.values()) button.classList.remove('is-moving');
  }

  drop(id) {
    this.marks.get(id)?.marker.remove();
    this.marks.delete(id);
  }

  clear() {
    for (const id of [...this.marks.keys()]) this.drop(id);
  }
}

const look = (theme) => {
  const wide = Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
  const bad = theme === 'light' ? '#c42f2c' : '#ff6b66';
  const line = theme === 'light' ? '#0a6ebd' : '#ffd166';
  const own = theme === 'light' ? '#0f7a52' : '#35c28a';
  const of = (kind) => ['==', ['get', 'kind'], kind];
  return [
    { type: 'fill', filter: of('ground'), paint: { 'fill-color': own, 'fill-opacity': 0.12 } },
    { type: 'line', filter: of('ground'), paint: { 'line-color': own, 'line-width': 3 * wide, 'line-dasharray': [3, 2] } },
    { type: 'line', filter: of('piece'), layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': '#0b1420', 'line-width': 8 * wide, 'line-opacity': 0.7 } },
    { type: 'line', filter: of('piece'), layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': line, 'line-width': 4 * wide } },
    { type: 'circle', filter: of('jump'), paint: { 'circle-color': 'transparent', 'circle-radius': 6 * wide, 'circle-stroke-color': line, 'circle-stroke-width': 2 } },
    { type: 'circle', filter: of('proof'), paint: { 'circle-color': bad, 'circle-radius': 6 * wide, 'circle-stroke-color': '#0b1420', 'circle-stroke-width': 2 } },
  ];
};

function boxOf(features) {
  const box = [180, 90, -180, -90];
  const walk = (part) => {
    if (typeof part[0] === 'number') {
      box[0] = Math.min(box[0], part[0]); box[1] = Math.min(box[1], part[1]);
      box[2] = Math.max(box[2], part[0]); box[3] = Math.max(box[3], part[1]);
    } else part.forEach(walk);
  };
  for (const { geometry, properties } of features) if (properties.kind !== 'jump') walk(geometry.coordinates);
  return box;
}

// Draw the track that proves an alert and go there; gives what the server says of it.
export async function showEvidence(owner, alertId, go = {}) {
  const found = await getJson(`/api/v1/alerts/${alertId}/track`);
  if (!owner.overlays.known.has(TRACK)) owner.overlays.add(TRACK, { layers: look });
  owner.setData(TRACK, { type: 'FeatureCollection', features: found.features });
  if (found.features.length) owner.flyTo(boxOf(found.features), { step: false, maxZoom: 17.5, ...go });
  return found;
}

export function hideEvidence(owner) {
  if (owner.overlays.known.has(TRACK)) owner.setData(TRACK, null);
}
