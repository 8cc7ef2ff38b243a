// The line to the server: a lost one says so on every page, is tried again by itself, and when it is back what is shown
// is asked for anew. Pages hear of it through the event onemap:line, and read document.documentElement.dataset.line.
import { el } from './dom.mjs';
import { map } from './map.mjs';

const PROBE = '/healthz';
const AGAIN = [1500, 3000, 5000]; // ms between two probes; then the last one again and again
const STAY = 2500; // ms that the good news stays
const PAGE = '"output":"..page-content.children'; // Dash asking for the page of an address

const ask = window.fetch.bind(window);
const banner = el('div', { class: 'line-banner', role: 'status', 'aria-live': 'polite', hidden: true });
let lost = false;
let tries = 0;
let timer = 0;
let reload = false;
let probing = false;

const clock = () => new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' }).format(new Date());

function say(text, state) {
  banner.textContent = text;
  banner.dataset.state = state;
  banner.hidden = false;
}

function lose() {
  if (lost) return;
  lost = true;
  tries = 0;
  document.documentElement.dataset.line = 'lost';
  say(`连接已中断，显示的是 ${clock()} 的内容；恢复后自动更新。`, 'lost');
  window.dispatchEvent(new CustomEvent('onemap:line', { detail: { alive: false } }));
  plan();
}

function recover() {
  if (!lost) return;
  lost = false;
  window.clearTimeout(timer);
  delete document.documentElement.dataset.line;
  // A page that was asked for in vain stands under another one's address: only loading it afresh mends that.
  if (reload) {
    window.location.reload();
    return;
  }
  say('连接已恢复，内容已更新。', 'back');
  window.setTimeout(() => { if (!lost) banner.hidden = true; }, STAY);
  map('map')?.refresh?.(['*']);
  window.dispatchEvent(new CustomEvent('onemap:line', { detail: { alive: true } }));
}

function plan() {
  window.clearTimeout(timer);
  timer = window.setTimeout(probe, AGAIN[Math.min(tries, AGAIN.length - 1)]);
  tries += 1;
}

// Whether the server answers is asked, not guessed: a phone may be "online" on a dead cell.
async function probe() {
  if (probing) return;
  probing = true;
  try {
    const answer = await ask(PROBE, { cache: 'no-store', signal: AbortSignal.timeout(6000) });
    if (answer.ok) recover();
    else lose();
  } catch {
    lose();
  }
  probing = false;
  if (lost) plan();
}

// What fails without an answer is a sign of a lost line, whoever asked.
async function watched(...given) {
  try {
    return await ask(...given);
  } catch (error) {
    const aborted = error?.name === 'AbortError' || given[1]?.signal?.aborted;
    if (!aborted) {
      if (typeof given[1]?.body === 'string' && given[1].body.includes(PAGE)) reload = true;
      if (navigator.onLine) probe();
      else lose();
    }
    throw error;
  }
}

export const isLost = () => lost;

export function start() {
  window.fetch = watched;
  document.body.append(banner);
  window.addEventListener('offline', lose);
  window.addEventListener('online', probe);
  if (!navigator.onLine) lose();
}
