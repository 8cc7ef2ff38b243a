// Personal fields of one person: shown for a stated purpose only, for a minute, and every look is recorded.
import { el, getJson } from './dom.mjs';

const SHOWN = 60000;
const WORDS = [['name', '姓名'], ['id_number', '身份证号'], ['phone', '电话'], ['birth_date', '出生日期']];

export function mount(host, { id }) {
  let timer = 0;
  ask();
  return () => window.clearTimeout(timer);

  function ask(message = '') {
    const purpose = el('input', { class: 'input', name: 'purpose', placeholder: '用途，例如：走访核实', 'aria-label': '查看用途', maxlength: '200', autocomplete: 'off' });
    const form = el(
      'form', { on: { submit: (event) => { event.preventDefault(); show(purpose.value); } } },
      purpose, el('button', { class: 'button', type: 'submit' }, '查看个人信息'),
      el('span', { class: 'warn', role: message ? 'alert' : null }, message || '姓名、证件与电话仅为写明的用途查看，查看会留下记录。'),
    );
    host.replaceChildren(form);
  }

  async function show(purpose) {
    if (purpose.trim().length < 2) {
      ask('请先写明用途。');
      return;
    }
    try {
      const person = await getJson(`/api/v1/people/${id}/reveal`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ purpose }),
      });
      const facts = WORDS.flatMap(([name, word]) => [el('dt', {}, word), el('dd', {}, person[name] || '未知')]);
      host.replaceChildren(el('div', { class: 'revealed' }, el('dl', { class: 'facts' }, facts), el('span', { class: 'warn' }, `用途：${person.purpose}；一分钟后隐去。`)));
      timer = window.setTimeout(() => ask(), SHOWN);
    } catch (error) {
      ask(error.message);
    }
  }
}
