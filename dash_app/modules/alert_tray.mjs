// Alerts on a phone: a pill that counts those that stand open, and the sheet that lists them. A tap shows the track.
import { el } from './dom.mjs';
import { connect } from './feed.mjs';
import { hideEvidence, showEvidence } from './live_map.mjs';
import { ready } from './map.mjs';
import { close } from './sheet.mjs';

const isOpen = (alert) => alert.state === 'open' || alert.state === 'acknowledged';

function since(instant) {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(instant)) / 60000));
  return minutes < 60 ? `${minutes} 分钟` : `${Math.floor(minutes / 60)} 小时 ${minutes % 60} 分`;
}

export async function mount(host, { map: mapId = 'map' } = {}) {
  const alerts = new Map();
  const count = el('b');
  const pill = el('button', { class: 'alert-pill', type: 'button', hidden: true, 'aria-haspopup': 'dialog', 'aria-expanded': 'false', data: { sheetOpen: 'alert-sheet' } }, '告警 ', count);
  const list = el('ul', { class: 'list-rows' });
  const sheet = el(
    'section', { class: 'alert-sheet', id: 'alert-sheet', role: 'dialog', 'aria-label': '未解除的告警', data: { sheet: 'half', sheetClose: '.alert-close' } },
    el('button', { class: 'sheet-grip', type: 'button' }),
    el('header', {}, el('h2', {}, '未解除的告警'), el('button', { class: 'icon-button alert-close', type: 'button', 'aria-label': '关闭', on: { click: () => close(sheet) } }, '×')),
    el('div', { class: 'alert-list' }, list),
  );
  host.replaceChildren(pill, sheet);

  const map = await ready(mapId);
  const feed = connect();
  feed.on('state', (state) => {
    alerts.clear();
    state.alerts.forEach(take);
    draw();
  });
  feed.on('change', (change) => {
    change.alerts.forEach(take);
    if (change.alerts.length) draw();
  });
  const timer = window.setInterval(draw, 30000);
  return () => {
    window.clearInterval(timer);
    feed.close();
  };

  function take(alert) {
    if (isOpen(alert)) alerts.set(alert.id, alert);
    else alerts.delete(alert.id);
  }

  function draw() {
    const mine = map.options.me;
    const rows = [...alerts.values()].sort((a, b) => Number(b.worker === mine) - Number(a.worker === mine) || Date.parse(b.opened_at) - Date.parse(a.opened_at));
    count.textContent = String(rows.length);
    pill.hidden = !rows.length;
    pill.setAttribute('aria-label', `${rows.length} 起未解除的告警`);
    list.replaceChildren(...rows.map((alert) => el('li', {}, el(
      'button', { type: 'button', data: { alertRow: String(alert.id) }, on: { click: () => go(alert) } },
      el('span', { class: 'status bad' }, alert.worker === mine ? `您已${alert.rule_label}` : alert.title), el('span', { class: 'side' }, since(alert.opened_at)),
      el('span', { class: 'note' }, alert.state === 'acknowledged' ? `${alert.acknowledged_by ?? ''} 已确认` : '尚未确认'),
    ))));
    if (!rows.length && sheet.classList.contains('open')) list.replaceChildren(el('li', { class: 'list-more' }, '告警均已解除。'));
  }

  async function go(alert) {
    close(sheet);
    hideEvidence(map);
    try {
      await showEvidence(map, alert.id);
    } catch (error) {
      map.emit('error', { message: error.message });
    }
    if (alert.worker) map.select({ kind: 'grid_worker', id: String(alert.worker), from: 'map' });
  }
}
