// The panel of the grid desk: which version is in force, how far the draft is, how even the load is.
import { el } from './dom.mjs';
import { isPhone } from './phone.mjs';

const whole = new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 0 });
// An instant as day and minute, Beijing time: 2026-11-26 22:56.
const instant = (text) => (text ? new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short', timeZone: 'Asia/Shanghai' }).format(new Date(text)) : '');
const time = (text) => new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' }).format(new Date(text));

export function showState(desk, rows, values) {
  const { base, draft } = desk;
  const past = el('button', { class: 'link-button', type: 'button', 'aria-expanded': String(Boolean(desk.versions)), on: { click: () => desk.toggleVersions() } }, '历次版本');
  const lines = [el('div', {}, base.version ? `现行第 ${base.version} 版，${instant(base.valid_from)} 起施行` : '尚无现行网格', base.version ? past : null)];
  if (desk.versions) lines.push(versionList(desk));
  if (base.scheduled) lines.push(...scheduled(desk, base.scheduled));
  if (draft) {
    const steps = draft.steps.length ? `已作 ${draft.steps.length} 步：${draft.steps.slice(-4).join('、')}` : '尚未改动';
    lines.push(el('div', { class: 'status soon' }, `草稿 · ${steps}`), el('div', { class: 'faint' }, `每一步已保存 · ${draft.author || '本人'} ${time(draft.updated_at)}`));
  }
  desk.state.replaceChildren(...lines);
  const total = values.reduce((a, b) => a + b, 0);
  const mean = rows.length ? total / rows.length : 0;
  const most = Math.max(0, ...values);
  const figures = [['网格', rows.length, '个'], [`${desk.measure.label}合计`, total, desk.measure.unit], ['平均每格', mean, desk.measure.unit], ['最多是平均的', mean ? most / mean : 0, '倍']];
  desk.sum.replaceChildren(...figures.map(([label, value, unit]) => el('div', { class: unit === '倍' && value >= 1.5 ? 'uneven' : '' },
    el('span', { class: 'label' }, label), el('span', { class: 'value' }, unit === '倍' ? value.toFixed(2) : whole.format(value)), el('span', { class: 'unit' }, unit))));
  // As high as its rows, so that a small community leaves the map free.
  document.querySelector('#grid-panel .table').style.height = `${(rows.length * (isPhone() ? 46 : 34) + (isPhone() ? 52 : 42)) / 16}rem`;
  desk.scale.textContent = values.length ? `${whole.format(Math.min(...values))} — ${whole.format(most)} ${desk.measure.unit}` : '';
  for (const id of ['grid-publish-open', 'grid-discard']) document.getElementById(id).disabled = !draft;
  document.getElementById('grid-publish-open').disabled = !draft?.steps.length;
  desk.element.dataset.revision = draft ? String(draft.revision) : '';
}

// The version whose day is still to come; where it could not take effect, why, and what to do.
function scheduled(desk, one) {
  const back = el('button', { class: 'link-button', type: 'button', on: { click: () => desk.withdraw() } }, '撤回');
  if (!one.problem) return [el('div', { class: 'status soon' }, `第 ${one.version} 版将于 ${one.planned_for} 零时生效`, back)];
  return [el('div', { class: 'grid-problem', role: 'alert' },
    el('b', { class: 'status bad' }, `第 ${one.version} 版未能按期生效`, back),
    el('span', {}, `原定 ${one.planned_for}。${one.problem}`),
    el('span', { class: 'faint' }, `${instant(one.problem_since)} 发现。${one.remedy}`))];
}

function versionList(desk) {
  const words = { scheduled: '待生效', in_force: '现行', replaced: '已替换' };
  return el('ul', { class: 'grid-versions' }, ...desk.versions.map((one) => el('li', {}, el('button', {
    type: 'button', 'aria-pressed': String(desk.past === one.version), title: '在地图上以点线显示此版边界',
    on: { click: () => desk.attempt(() => desk.comparePast(desk.past === one.version ? null : one.version)) },
  }, el('b', {}, `第 ${one.version} 版`), el('span', {}, `${one.valid_from ? `${instant(one.valid_from)} 起` : `定于 ${one.planned_for}`} · ${one.problem ? '未能生效' : words[one.status] ?? one.status}`), el('i', {}, one.note || one.published_by)))));
}
