// The selected thing on the map, and every element that selects: <button data-select="building:12">.
// The page's store says what is selected; its profile says where it lies (profile-place).
import { map, ready } from './map.mjs';
import { el, getJson, navigate } from './dom.mjs';

export const OVERLAY_NAME = 'selection';

const look = (name) => {
  const colour = name === 'light' ? '#d98a00' : '#ffd166';
  return [
    { type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': colour, 'fill-opacity': 0.1 } },
    { type: 'line', filter: ['!=', ['geometry-type'], 'Point'], layout: { 'line-join': 'round' }, paint: { 'line-color': colour, 'line-width': 2.5 } },
    { type: 'circle', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': 'transparent', 'circle-radius': 11, 'circle-stroke-color': colour, 'circle-stroke-width': 3 } },
  ];
};

// place: {geometry, bbox, point, from} of the opened profile, or null.
export async function show(mapId, place) {
  const owner = await ready(mapId);
  if (!owner.overlays.known.has(OVERLAY_NAME)) owner.overlays.add(OVERLAY_NAME, { layers: look });
  const geometry = place?.geometry ?? (place?.point ? { type: 'Point', coordinates: place.point } : null);
  owner.setData(OVERLAY_NAME, geometry ? { type: 'Feature', properties: {}, geometry } : null);
  if (!place) return;
  const target = place.bbox ?? place.point;
  if (!target || place.from === 'map' || (place.from === 'link' && owner.startView)) {
    owner.startView = null;
    return;
  }
  // Selecting has made the step in the history already.
  owner.flyTo(target, { step: false, maxZoom: place.bbox ? 18 : 18.5 });
}

export function choose(kind, id, from = 'list') {
  const owner = map('map');
  if (owner?.element.isConnected) owner.select({ kind, id, from });
  else navigate(`/#s=${kind}:${encodeURIComponent(id)}`);
}

// What is selected is marked wherever it is listed (a room in its sheet, a grid among its neighbours).
window.addEventListener('onemap:select', ({ detail }) => {
  const wanted = detail ? `${detail.kind}:${detail.id}` : null;
  for (const element of document.querySelectorAll('[data-select]')) {
    element.classList.toggle('here', wanted !== null && element.dataset.select === wanted);
  }
});

// A number in a profile opens the list behind it; a second click, or another number, closes it.
document.addEventListener('click', (event) => {
  const tile = event.target.closest?.('[data-open-list]');
  if (!tile) return;
  const panel = tile.closest('.profile-body');
  const opened = tile.getAttribute('aria-expanded') === 'true';
  for (const other of panel.querySelectorAll('[data-open-list]')) {
    const on = other === tile && !opened;
    other.setAttribute('aria-expanded', String(on));
    const list = panel.querySelector(`[data-list="${CSS.escape(other.dataset.openList)}"]`);
    if (list) list.hidden = !on;
  }
});

const PAGE = 100;

// "再显示一些" at the end of a list: the next page of records, drawn like those above it.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-more]');
  if (!button) return;
  const last = button.closest('li');
  const offset = last.parentElement.querySelectorAll('[data-select]').length;
  button.disabled = true;
  try {
    const page = await getJson(`/api/v1/profile/${button.dataset.more}?offset=${offset}&limit=${PAGE}`);
    last.before(...page.rows.map((row) => el('li', {}, el(
      'button', { type: 'button', data: { select: `${row.kind}:${row.id}` } },
      el('span', {}, row.title), el('span', { class: 'side' }, row.side ?? ''), row.note ? el('span', { class: 'note' }, row.note) : null,
    ))));
    const left = page.total - offset - page.rows.length;
    if (left <= 0 || !page.rows.length) last.hidden = true;
    else button.textContent = `再显示一些（还有 ${left.toLocaleString()} 条）`;
  } catch (error) {
    button.textContent = `没有取到：${error.message} 点击重试`;
  }
  button.disabled = false;
});

document.addEventListener('click', (event) => {
  const element = event.target.closest?.('[data-select]');
  if (!element) return;
  event.preventDefault();
  const at = element.dataset.select.indexOf(':');
  if (at > 0) choose(element.dataset.select.slice(0, at), element.dataset.select.slice(at + 1));
  else map('map')?.select(null);
});
