// Search over everything: "/" or Ctrl+K focuses, arrows walk, Enter flies there and opens the profile.
import { commands, matching } from './commands.mjs';
import { el, getJson, navigate, symbol } from './dom.mjs';
import { map } from './map.mjs';

const WAIT = 120;
const RECENT = 'onemap:recent';
const HINT = '搜索地址、楼栋、网格、网格员、部件，支持拼音首字母';

export function mount(host) {
  let items = [];
  let active = -1;
  let asked = 0;
  let timer = 0;
  let mode = 'search';

  const list = el('ul', { class: 'search-list', role: 'listbox', id: 'search-list' });
  const input = el('input', {
    class: 'search-input', id: 'search-input', type: 'search', placeholder: HINT, autocomplete: 'off', spellcheck: 'false',
    role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'search-list', 'aria-label': HINT, enterkeyhint: 'search',
  });
  const drop = el('div', { class: 'search-drop floating', hidden: true }, list);
  host.replaceChildren(el('div', { class: 'search-box' }, symbol('search'), input, el('kbd', {}, '/')), drop);

  input.addEventListener('focus', () => ask(0));
  input.addEventListener('input', () => ask(WAIT));
  input.addEventListener('keydown', onKey);
  host.addEventListener('focusout', (event) => { if (!host.contains(event.relatedTarget)) close(); });
  window.addEventListener('keydown', onGlobalKey);
  list.addEventListener('pointerdown', (event) => {
    const row = event.target.closest('[data-index]');
    if (row) {
      event.preventDefault();
      choose(Number(row.dataset.index));
    }
  });
  return () => window.removeEventListener('keydown', onGlobalKey);

  function onGlobalKey(event) {
    const typing = event.target.closest?.('input, textarea, select, [contenteditable="true"]');
    const palette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
    if (palette || (event.key === '/' && !typing && !event.ctrlKey && !event.altKey)) {
      event.preventDefault();
      mode = palette ? 'commands' : 'search';
      host.classList.add('open');
      input.focus();
      input.select();
      ask(0);
    }
  }

  function onKey(event) {
    if (event.isComposing) return; // an input method is still choosing characters
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (items.length) mark((active + step + items.length) % items.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (items.length) choose(Math.max(active, 0));
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (input.value) {
        input.value = '';
        ask(0);
      } else input.blur();
    }
  }

  function ask(wait) {
    window.clearTimeout(timer);
    timer = window.setTimeout(run, wait);
  }

  async function run() {
    const query = input.value.trim();
    asked += 1;
    const mine = asked;
    const acts = mode === 'commands' || query ? matching(await commands(), query).slice(0, mode === 'commands' ? 12 : 3) : [];
    if (!query) {
      if (mine === asked) show(mode === 'commands' ? acts.map(asCommand) : recent(), mode === 'commands' ? '命令' : '最近查看');
      return;
    }
    if (mode === 'commands' && acts.length) show(acts.map(asCommand), '命令', query);
    try {
      const centre = map('map')?.element.isConnected ? map('map').map.getCenter() : null;
      const at = centre ? `&at=${centre.lng.toFixed(5)},${centre.lat.toFixed(5)}` : '';
      const answer = await getJson(`/api/v1/search?q=${encodeURIComponent(query)}&limit=12${at}`);
      if (mine !== asked) return;
      const found = answer.results.map(asPlace);
      show([...found, ...acts.map(asCommand)], null, query);
    } catch (error) {
      if (mine === asked) say(`没有搜到结果：${error.message}`);
    }
  }

  function asPlace(result) {
    return {
      title: result.title ?? result.name, note: result.subtitle ?? result.place_name ?? '', tag: result.kind_title ?? result.label ?? '',
      kind: result.kind, id: String(result.id),
      go() {
        remember({ title: this.title, note: this.note, tag: this.tag, kind: this.kind, id: this.id });
        const here = map('map');
        if (here?.element.isConnected && here.options.link) here.select({ kind: this.kind, id: this.id, from: 'search' });
        else navigate(`/#s=${this.kind}:${encodeURIComponent(this.id)}`);
      },
    };
  }

  function asCommand(command) {
    return { title: command.title, note: '', tag: '命令', go: command.run };
  }

  function recent() {
    try {
      return JSON.parse(sessionStorage.getItem(RECENT) ?? '[]').map(asPlace).map((item, index, all) => Object.assign(item, { tag: all[index].tag }));
    } catch {
      return [];
    }
  }

  // In the session only: what was looked at stays off the machine's disk.
  function remember(item) {
    const rest = recent().filter((other) => other.kind !== item.kind || other.id !== item.id);
    const plain = rest.map(({ title, note, tag, kind, id }) => ({ title, subtitle: note, kind_title: tag, kind, id }));
    sessionStorage.setItem(RECENT, JSON.stringify([{ title: item.title, subtitle: item.note, kind_title: item.tag, kind: item.kind, id: item.id }, ...plain].slice(0, 8)));
  }

  function show(found, heading, query = '') {
    items = found;
    if (!found.length) {
      if (query) say(`没有找到“${query}”。可换用门牌、小区名、网格编码或拼音首字母。`);
      else close(false);
      return;
    }
    const rows = found.map((item, index) => el(
      'li', { role: 'option', id: `search-${index}`, class: 'search-row', data: { index: String(index) }, 'aria-selected': 'false' },
      el('span', { class: 'search-tag' }, item.tag), el('span', { class: 'search-title' }, ...marked(item.title, query)), el('span', { class: 'search-note' }, item.note),
    ));
    list.replaceChildren(...(heading ? [el('li', { class: 'search-heading', role: 'presentation' }, heading)] : []), ...rows);
    drop.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    mark(query || mode === 'commands' ? 0 : -1);
  }

  function say(text) {
    items = [];
    list.replaceChildren(el('li', { class: 'search-empty', role: 'status' }, text));
    drop.hidden = false;
  }

  function marked(text, query) {
    const at = query ? String(text).toLowerCase().indexOf(query.toLowerCase()) : -1;
    if (at < 0) return [String(text)];
    return [text.slice(0, at), el('mark', {}, text.slice(at, at + query.length)), text.slice(at + query.length)];
  }

  function mark(index) {
    active = index;
    for (const row of list.querySelectorAll('[data-index]')) {
      const on = Number(row.dataset.index) === index;
      row.setAttribute('aria-selected', String(on));
      if (on) row.scrollIntoView({ block: 'nearest' });
    }
    if (index >= 0) input.setAttribute('aria-activedescendant', `search-${index}`);
    else input.removeAttribute('aria-activedescendant');
  }

  function choose(index) {
    const item = items[index];
    close();
    input.blur();
    item.go();
  }

  function close(leave = true) {
    window.clearTimeout(timer);
    asked += 1;
    drop.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    if (leave) {
      mode = 'search';
      host.classList.remove('open');
    }
  }
}
