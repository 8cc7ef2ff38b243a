// The card of the big screen: what was clicked, and the track that proves an alert. One at a time.
import { el, getJson } from './dom.mjs';
import { hideEvidence, showEvidence } from './live_map.mjs';

const MOST_ROWS = 8;
const STATES = { open: '未解除', acknowledged: '已确认', returned: '已返回' };
const PITCH = 48;

const whole = new Intl.NumberFormat('zh-CN');
const zone = { timeZone: 'Asia/Shanghai', hour12: false };
const hm = new Intl.DateTimeFormat('zh-CN', { ...zone, hour: '2-digit', minute: '2-digit' });
const stampOf = new Intl.DateTimeFormat('zh-CN', { ...zone, month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' });
const time = (text) => hm.format(new Date(text));
const stamp = (text) => (text ? stampOf.format(new Date(text)) : '未知');

export class Cards {
  // owner: gives the map once it stands; back: frames it as before a card moved it
  constructor(card, owner, back) {
    this.card = card;
    this.owner = owner;
    this.back = back;
  }

  get open() { return !this.card.hidden; }

  // The records behind the number: what is open, then what has ended.
  async alerts(place) {
    const token = this.claim();
    try {
      const { alerts } = await getJson(`/api/v1/alerts?limit=40&place=${place}`);
      if (this.claimed !== token) return;
      const rank = (alert) => ({ open: 0, acknowledged: 1 }[alert.state] ?? 2);
      const rows = alerts.sort((a, b) => rank(a) - rank(b)).slice(0, MOST_ROWS).map((alert) => el('button', {
        type: 'button', class: `card-row ${alert.state}`, on: { click: () => this.alert(alert.id) },
      }, el('time', {}, stamp(alert.raised_at)), el('span', {}, alert.name ?? alert.title), el('b', {}, STATES[alert.state] ?? alert.state)));
      this.draw('alerts', '告警', [], rows.length ? rows : [el('p', {}, '没有告警记录。')]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async alert(id) {
    const token = this.claim();
    try {
      const found = await showEvidence(this.owner(), id, { pitch: 30, bearing: 0, maxZoom: 17 });
      if (this.claimed !== token) return;
      this.moved = true;
      const { alert } = found;
      const { seconds, furthest_m: furthest, fixes = [] } = alert.evidence;
      this.draw('alert', alert.title, [
        ['开始离开', time(alert.opened_at)],
        ['告警', [time(alert.raised_at), seconds && `连续 ${seconds} 秒`, fixes.length && `${fixes.length} 个定位点`].filter(Boolean).join('，')],
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
      await this.alert(id);
    } catch (error) {
      this.draw('problem', '未能确认', [['原因', error.message]]);
    }
  }

  async worker(id) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/workers/${id}/track`);
      if (this.claimed !== token) return;
      hideEvidence(this.owner());
      this.owner().setData('worker-track', found);
      this.track = true;
      this.draw('worker', `网格员 ${found.worker.name}`, [
        ['今日里程', `${whole.format(Math.round(found.metres))} 米`],
        ['定位点', `${whole.format(found.fixes)} 个`],
        ['中断', found.gaps.length ? `${found.gaps.length} 次` : '无'],
      ]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async building(id) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/profile/building/${id}`);
      if (this.claimed !== token) return;
      this.draw('building', found.title, (found.counts ?? []).slice(0, 4).map((count) => [count.label, `${count.value ?? '未知'} ${count.unit ?? ''}`]), [
        el('a', { class: 'button primary', href: `/#s=building:${encodeURIComponent(id)}` }, '打开楼盘表'),
      ]);
    } catch (error) {
      this.fail(token, error);
    }
  }

  async event(event) {
    const token = this.claim();
    try {
      const found = await getJson(`/api/v1/events/${event.id}`);
      if (this.claimed !== token) return;
      this.owner()?.flyTo([found.lon, found.lat], { step: false, maxZoom: 18, pitch: PITCH });
      this.moved = true;
      this.draw('event', found.title, [
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
    if (this.claimed === token) this.draw('problem', '未能打开', [['原因', error.message]]);
  }

  draw(kind, title, facts, actions = []) {
    const { card } = this;
    card.dataset.kind = kind;
    card.hidden = false;
    card.replaceChildren(
      el('header', {}, el('h2', {}, title), el('button', { type: 'button', class: 'card-close', 'aria-label': '关闭', on: { click: () => this.close() } }, '×')),
      el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
      ...actions,
    );
  }

  close() {
    this.claim();
    this.card.hidden = true;
    if (!this.owner()) return;
    hideEvidence(this.owner());
    if (this.track) this.owner().setData('worker-track', null);
    this.track = false;
    // Back to where the look began.
    if (this.moved) this.back();
    this.moved = false;
  }
}
