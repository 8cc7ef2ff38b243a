// Small helpers for building elements; text always goes in as text, never as markup.

export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === 'style') for (const [key, entry] of Object.entries(value)) element.style.setProperty(key, entry);
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name in element && name !== 'list' && typeof value !== 'string') element[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const LINES = {
  layers: 'm12 3 9 5-9 5-9-5zM3 12.5l9 5 9-5M3 17l9 5 9-5',
  fold: 'm14 6-6 6 6 6',
  close: 'm5 5 14 14M19 5 5 19',
  search: 'M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0zM15.5 15.5l5 5',
  down: 'm6 9 6 6 6-6',
  split: 'M4 5h16v14H4zM14 3l-5 18',
  merge: 'M4 5h16v14H4zM12 5v3.5M12 15.5V19M8 12h8m-2.5-2.5L16 12l-2.5 2.5',
  move: 'M5 18 12 7l7 8M12 7m-2.3 0a2.3 2.3 0 1 0 4.6 0 2.3 2.3 0 1 0-4.6 0M5 18m-1.6 0a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M19 15m-1.6 0a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0',
  undo: 'M9 7 4.5 11.5 9 16M5 11.5h9.5a5 5 0 0 1 0 10H11',
  redo: 'm15 7 4.5 4.5L15 16M19 11.5H9.5a5 5 0 0 0 0 10H13',
};

export function symbol(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'line-icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', LINES[name]);
  svg.append(path);
  return svg;
}

export async function getJson(address, options = {}) {
  const answer = await fetch(address, options);
  if (answer.status === 401) {
    const back = encodeURIComponent(window.location.pathname + window.location.search);
    window.location.assign(`/sign-in?next=${back}`);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([body.message ?? `服务器回应 ${answer.status}`, body.remedy].filter(Boolean).join(''));
  return body;
}

// To another page without a reload: what dcc.Link does.
export function navigate(address) {
  window.history.pushState({}, '', address);
  window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));
}
