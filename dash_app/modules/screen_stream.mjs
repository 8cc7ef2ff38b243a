// What happens, the newest first: open alerts stay on top, below them steps of cases and alerts that ended. Bounded.
import { el } from './dom.mjs';

const MOST_ALERTS = 3;
const MOST_LINES = 7;
const KEPT = 60;

const WORDS = { report: '上报', assign: '交办', handle: '办理', close: '办结', send_back: '退回' };
const zone = { timeZone: 'Asia/Shanghai', hour12: false, hour: '2-digit', minute: '2-digit' };
const clock = new Intl.DateTimeFormat('zh-CN', zone);

const isOpen = (alert) => alert.state === 'open' || alert.state === 'acknowledged';
const ms = (text) => new Date(text).getTime();

export class Stream {
  constructor(list, alerts, { onAlert, onEvent }) {
    this.list = list;
    this.box = alerts;
    this.onAlert = onAlert;
    this.onEvent = onEvent;
    this.alerts = new Map(); // by id
    this.events = new Map(); // by case, step and instant: the same step may come twice
    this.received = 0; // alerts that ever reached this page; the soak test reads it
    this.seen = new Set();
  }

  whole({ alerts, events }) {
    this.alerts.clear();
    this.events.clear();
    this.take({ alerts, events }, { quiet: true });
  }

  take({ alerts, events }, { quiet = false } = {}) {
    for (const alert of alerts) {
      if (alert.state === 'withdrawn') this.alerts.delete(alert.id);
      else this.alerts.set(alert.id, { ...alert, fresh: !quiet && alert.what === 'raised' });
      this.note(alert.id);
    }
    for (const event of events) this.events.set(`${event.id}/${event.action}/${event.at}`, { ...event, fresh: !quiet });
    trim(this.alerts, (alert) => (isOpen(alert) ? Infinity : ms(alert.raised_at)));
    trim(this.events, (event) => ms(event.at));
    if (alerts.length || events.length || quiet) this.draw();
  }

  note(id) {
    if (this.seen.has(id)) return;
    this.seen.add(id);
    this.received += 1;
    if (this.seen.size > 5000) this.seen.delete(this.seen.values().next().value);
  }

  draw() {
    const all = [...this.alerts.values()];
    const open = all.filter(isOpen).sort((a, b) => ms(b.raised_at) - ms(a.raised_at));
    const most = window.innerWidth <= 900 ? 1 : MOST_ALERTS; // a phone has room for one
    this.box.replaceChildren(...open.slice(0, most).map((alert) => this.alertCard(alert)));
    if (open.length > most) this.box.append(el('p', { class: 'more' }, `另有 ${open.length - most} 起未解除`));
    const ended = all.filter((alert) => !isOpen(alert)).map((alert) => ({ at: alert.returned_at ?? alert.raised_at, line: () => this.endedLine(alert) }));
    const steps = [...this.events.values()].map((event) => ({ at: event.at, line: () => this.eventLine(event) }));
    const lines = [...ended, ...steps].sort((a, b) => ms(b.at) - ms(a.at)).slice(0, MOST_LINES - 2 * Math.max(0, Math.min(open.length, most) - 1));
    this.list.replaceChildren(...lines.map(({ line }) => line()));
    if (!lines.length && !open.length) this.list.append(el('li', { class: 'none' }, '近一日没有告警和案件动态'));
    for (const one of [...this.alerts.values(), ...this.events.values()]) one.fresh = false;
    this.age(new Date());
    this.fit();
  }

  // Only whole rows: alerts above take as much room as they need, and half a line is read as a fault.
  fit() {
    const { list } = this;
    while (list.lastElementChild && list.scrollHeight > list.clientHeight) list.lastElementChild.remove();
  }

  alertCard(alert) {
    return el('button', {
      type: 'button',
      class: `alert-card${alert.fresh ? ' is-new' : ''}${alert.state === 'acknowledged' ? ' is-seen' : ''}`,
      data: { alert: String(alert.id) },
      on: { click: () => this.onAlert(alert) },
    }, el('strong', {}, alert.title), el('span', { class: 'since', data: { since: alert.opened_at } }), el('em', {}, alert.state === 'acknowledged' ? '已确认' : '查看轨迹'));
  }

  endedLine(alert) {
    return el('li', { class: 'ended' }, el('button', { type: 'button', on: { click: () => this.onAlert(alert) } },
      el('time', {}, clock.format(new Date(alert.returned_at ?? alert.raised_at))), el('b', {}, '返回'), el('span', {}, `${alert.name ?? ''}已回到本网格`)));
  }

  eventLine(event) {
    return el('li', { class: `step ${event.action}${event.fresh ? ' is-new' : ''}` }, el('button', { type: 'button', on: { click: () => this.onEvent(event) } },
      el('time', {}, clock.format(new Date(event.at))), el('b', {}, WORDS[event.action] ?? event.action), el('span', {}, event.title)));
  }

  // "已 12 分钟": how long an alert has been open, without drawing anything anew.
  age(now) {
    for (const element of this.box.querySelectorAll('[data-since]')) {
      const minutes = Math.max(0, Math.floor((now - new Date(element.dataset.since)) / 60000));
      const said = minutes < 60 ? `已离开 ${minutes} 分钟` : `已离开 ${Math.floor(minutes / 60)} 小时 ${minutes % 60} 分`;
      if (element.textContent !== said) element.textContent = said;
    }
  }
}

function trim(map, rank) {
  if (map.size <= KEPT) return;
  const order = [...map.entries()].sort(([, a], [, b]) => rank(b) - rank(a));
  for (const [key] of order.slice(KEPT)) map.delete(key);
}
