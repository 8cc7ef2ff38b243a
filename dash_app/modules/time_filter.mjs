// Time filter of layers whose records have a moment: a range of days with two thumbs, or one of the usual spans.
// It shows itself only while such a layer is on.
import { el, getJson } from './dom.mjs';
import { ready, theme } from './map.mjs';

const DAY = 86400000;
const SPANS = [['近 7 天', 7], ['近 30 天', 30], ['近 90 天', 90], ['全年', 365]];

const text = (day) => new Date(day * DAY).toISOString().slice(0, 10);
const number = (date) => Math.floor(Date.parse(`${date}T00:00:00Z`) / DAY);
const today = () => number(new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(new Date()));

export async function mount(host, { map: mapId = 'map', days = 365 } = {}) {
  host.hidden = true;
  const map = await ready(mapId);
  const answer = await getJson(`/api/v1/layers?theme=${theme()}`).catch(() => []);
  const timed = new Map((answer.layers ?? answer).filter((layer) => layer.time).map((layer) => [layer.id, layer.title]));
  const last = today() + 1; // half-open: the day after today
  const first = last - days;
  let from = map.state.time ? number(map.state.time.from) : first;
  let to = map.state.time ? number(map.state.time.to) : last;

  const title = el('strong', {});
  const fill = el('i', {});
  const thumb = (name) => el('input', { type: 'range', min: String(first), max: String(last), step: '1', 'aria-label': name, on: { input: slide, change: apply } });
  const low = thumb('起始日期');
  const high = thumb('截止日期');
  const buttons = SPANS.map(([word, span]) => el('button', { type: 'button', data: { span: String(span) }, on: { click: () => choose(span) } }, word));
  host.replaceChildren(
    el('div', { class: 'time-head' }, title, ...buttons),
    el('div', { class: 'time-track' }, el('div', { class: 'rail' }, fill), low, high),
  );
  draw();
  const offs = [map.on('layers', show), map.on('time', follow)];
  show();
  return () => offs.forEach((off) => off());

  function show() {
    const on = (map.state.layers).filter((id) => timed.has(id));
    host.hidden = on.length === 0;
    host.setAttribute('aria-label', `时间：${on.map((id) => timed.get(id)).join('、')}`);
  }

  function choose(span) {
    from = Math.max(first, last - span);
    to = last;
    draw();
    apply();
  }

  function slide(event) {
    const value = Number(event.target.value);
    if (event.target === low) from = Math.min(value, to - 1);
    else to = Math.max(value, from + 1);
    draw();
  }

  function apply() {
    const whole = from <= first && to >= last;
    map.setTime(whole ? null : { from: text(from), to: text(to) });
  }

  // Back, forward and links move the filter too.
  function follow(time) {
    from = time ? number(time.from) : first;
    to = time ? number(time.to) : last;
    draw();
  }

  function draw() {
    low.value = String(from);
    high.value = String(to);
    const share = (day) => `${((day - first) / (last - first)) * 100}%`;
    fill.style.left = share(from);
    fill.style.right = `${100 - parseFloat(share(to))}%`;
    title.textContent = `${text(from)} 至 ${text(to - 1)}`;
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(to === last && from === Math.max(first, last - Number(button.dataset.span))));
    }
  }
}
