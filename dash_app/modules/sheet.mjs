// Sheets of a phone: what carries data-sheet (parts/sheet.py) is pulled by its grip or its head to one of three stops,
// peek, half and full, and pushed away below the lowest. Held sideways it stands at the right edge and slides out there.
// The grip answers to a press and to the arrow keys too. Style sheets say what a stop looks like; here a stop is chosen.
import { isPhone, isSideways } from './phone.mjs';

const STOPS = ['peek', 'half', 'full'];
const WORDS = { peek: '收到底部', half: '半屏', full: '全屏', fit: '已展开' };
const SLOP = 6; // px before a touch is a pull: a glove trembles
const GLIDE = 160; // ms that a pull goes on after it is let go
const LATELY = 90; // ms over which the speed of a pull is taken
const HEAD = '.sheet-grip, header, .switcher-head, .case-head';
const CONTROL = 'a, button, input, select, textarea, label';
const NOT_HEAD = 'a, input, select, textarea, [role="slider"]';

const watched = new Map(); // sheet → its observer
const opened = new Set();
const watchers = new Map(); // sheet → CloseWatcher: the phone's Back closes what a link does not carry
let pull = null;
let planned = false;

const all = () => [...document.querySelectorAll('[data-sheet]')];
const shut = (sheet) => sheet.matches('[hidden], .switcher.folded, .profile-panel:not(.open), .more-sheet:not(.open), .alert-sheet:not(.open)');
const stopOf = (sheet) => sheet.dataset.stop ?? sheet.dataset.sheet;
const fits = (sheet) => sheet.dataset.sheet === 'fit';
const closer = (sheet) => (sheet.dataset.sheetClose ? sheet.querySelector(sheet.dataset.sheetClose) : null);
const gripOf = (sheet) => sheet.querySelector('.sheet-grip');

export function setStop(sheet, stop) {
  if (!fits(sheet) || stop === 'fit') sheet.dataset.stop = stop;
  sheet.style.removeProperty('--pulled');
  tell(sheet);
  plan();
}

export function close(sheet) {
  if (sheet.classList.contains('open') && sheet.matches('.more-sheet, .alert-sheet')) {
    sheet.classList.remove('open');
    const opener = openerOf(sheet);
    opener?.setAttribute('aria-expanded', 'false');
    if (sheet.contains(document.activeElement)) opener?.focus();
  } else closer(sheet)?.click();
}

const openerOf = (sheet) => document.querySelector(`[data-sheet-open="${sheet.id}"]`);

function open(sheet) {
  sheet.classList.add('open');
  openerOf(sheet)?.setAttribute('aria-expanded', 'true');
  sheet.style.removeProperty('--pulled');
  gripOf(sheet)?.focus({ preventScroll: true });
}

// What the grip says of itself to whoever does not see it.
function tell(sheet) {
  const grip = gripOf(sheet);
  if (!grip) return;
  const stop = stopOf(sheet);
  const words = isSideways() ? (stop === 'peek' ? '已收起' : '已展开') : WORDS[stop];
  grip.setAttribute('aria-label', fits(sheet) ? '关闭面板' : `面板高度：${words}`);
  grip.title = fits(sheet) ? '关闭' : '按下或用上下方向键调整高度';
  if (fits(sheet)) grip.removeAttribute('aria-expanded');
  else grip.setAttribute('aria-expanded', String(stop !== 'peek'));
}

// Heights of the stops in px, lowest first.
function heights(sheet) {
  const style = getComputedStyle(sheet);
  const room = parseFloat(style.maxHeight) || sheet.offsetHeight;
  if (fits(sheet)) return [['fit', sheet.scrollHeight]];
  return [['peek', peek(sheet)], ['half', Math.round(room * 0.52)], ['full', room]];
}

// At peek the head is in sight, so that one knows what it is that lies there.
function peek(sheet) {
  const top = sheet.getBoundingClientRect().top;
  const heads = [...sheet.querySelectorAll(HEAD)].filter((head) => head.offsetHeight);
  const bottom = Math.max(44, ...heads.slice(0, 2).map((head) => head.getBoundingClientRect().bottom - top));
  return Math.min(bottom, 180);
}

function sync() {
  planned = false;
  for (const sheet of [...watched.keys()]) {
    if (sheet.isConnected) continue;
    watched.get(sheet).disconnect();
    watched.delete(sheet);
    release(sheet);
  }
  const phone = isPhone();
  for (const sheet of all()) {
    if (!watched.has(sheet)) watch(sheet);
    const isOpen = phone && !shut(sheet);
    if (isOpen && !opened.has(sheet)) arrive(sheet);
    else if (!isOpen) release(sheet);
    if (isOpen) {
      tell(sheet);
      if (!pull && !fits(sheet)) sheet.style.setProperty('--peek', `${Math.round(peek(sheet))}px`);
    }
  }
  lift();
}

function watch(sheet) {
  const observer = new MutationObserver(plan);
  observer.observe(sheet, { attributes: true, attributeFilter: ['class', 'hidden', 'data-stop'], childList: true });
  watched.set(sheet, observer);
}

// A sheet that opens comes alone: what can be folded makes room for it, and it starts at its own stop.
function arrive(sheet) {
  opened.add(sheet);
  sheet.dataset.stop = sheet.dataset.sheet;
  for (const other of opened) {
    if (other !== sheet && other.matches('.switcher:not(.folded), .more-sheet, .alert-sheet')) close(other);
  }
  if (window.CloseWatcher && sheet.matches('.switcher, .more-sheet, .alert-sheet, .sheet-drawer')) {
    const watcher = new window.CloseWatcher();
    watcher.onclose = () => {
      watchers.delete(sheet);
      if (sheet.isConnected && !shut(sheet)) close(sheet);
    };
    watchers.set(sheet, watcher);
  }
}

function release(sheet) {
  opened.delete(sheet);
  watchers.get(sheet)?.destroy();
  watchers.delete(sheet);
}

// What floats over the map's lower edge stays above the sheets that lie there.
function lift() {
  const root = document.documentElement;
  const standing = isSideways() ? [] : [...opened].filter((sheet) => !sheet.matches('.more-sheet') && getComputedStyle(sheet).visibility !== 'hidden');
  const stops = standing.map((sheet) => stopOf(sheet));
  const high = ['full', 'half', 'fit', 'peek'].find((stop) => stops.includes(stop)) ?? 'none';
  if (root.dataset.standing !== high) root.dataset.standing = high;
  const lowest = Math.max(0, ...standing.map((sheet) => (heights(sheet).find(([stop]) => stop === stopOf(sheet)) ?? [0, sheet.offsetHeight])[1]));
  root.style.setProperty('--sheet', `${Math.round(high === 'full' ? 0 : lowest)}px`);
}

function plan() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(sync);
}

function down(event) {
  if (!event.isPrimary || event.button !== 0 || !isPhone()) return;
  const head = event.target.closest?.(HEAD);
  const sheet = head?.closest('[data-sheet]');
  if (!sheet || shut(sheet) || (event.target.closest(NOT_HEAD) && !event.target.closest('.sheet-grip'))) return;
  const sideways = isSideways();
  pull = { sheet, sideways, id: event.pointerId, from: sideways ? event.clientX : event.clientY, size: sideways ? sheet.offsetWidth : sheet.offsetHeight, trail: [], moved: false };
  note(event);
}

function note(event) {
  const at = pull.sideways ? event.clientX : event.clientY;
  pull.by = at - pull.from;
  pull.trail.push([event.timeStamp, at]);
  while (pull.trail.length > 2 && event.timeStamp - pull.trail[0][0] > LATELY) pull.trail.shift();
}

function move(event) {
  if (!pull || event.pointerId !== pull.id) return;
  note(event);
  if (!pull.moved && Math.abs(pull.by) < SLOP) return;
  if (!pull.moved) {
    pull.moved = true;
    pull.sheet.setPointerCapture(event.pointerId);
    pull.sheet.classList.add('is-pulled');
  }
  const most = pull.sideways ? pull.size : heights(pull.sheet).at(-1)[1];
  const left = Math.min(most, Math.max(0, pull.size - pull.by));
  pull.sheet.style.setProperty('--pulled', `${pull.sideways ? Math.max(pull.by, 0) : left}px`);
}

function up(event) {
  if (!pull || event.pointerId !== pull.id) return;
  const { sheet, moved, by, size, trail, sideways } = pull;
  pull = null;
  sheet.classList.remove('is-pulled');
  if (!moved) return;
  if (event.type === 'pointercancel') setStop(sheet, stopOf(sheet));
  else settle(sheet, { by, size, sideways, speed: speedOf(trail, event.timeStamp) });
  swallowClick();
}

// px/ms at the end of a pull; a finger that rested before it was lifted has none.
function speedOf(trail, now) {
  const [[t0, p0], [t1, p1]] = [trail[0], trail.at(-1)];
  return t1 > t0 && now - t1 < LATELY ? (p1 - p0) / (t1 - t0) : 0;
}

// The stop nearest to where the pull would have come to rest.
function settle(sheet, { by, size, sideways, speed }) {
  const end = size - by - speed * GLIDE;
  if (sideways) {
    if (end > size * 0.6) setStop(sheet, sheet.dataset.sheet);
    else if (closer(sheet)) leave(sheet);
    else setStop(sheet, 'peek');
    return;
  }
  const stops = heights(sheet);
  if (closer(sheet) || fits(sheet)) stops.unshift(['close', fits(sheet) ? stops[0][1] * 0.4 : 0]);
  const [nearest] = stops.reduce((best, one) => (Math.abs(one[1] - end) < Math.abs(best[1] - end) ? one : best));
  if (nearest === 'close') leave(sheet);
  else {
    if (sheet.dataset.sheetFold && sheet.classList.contains('folded') && nearest !== 'peek') sheet.querySelector(sheet.dataset.sheetFold)?.click();
    setStop(sheet, nearest);
  }
}

function leave(sheet) {
  sheet.style.removeProperty('--pulled');
  close(sheet);
}

// The click that follows a pull is not meant for the button that the finger happens to lift from.
function swallowClick() {
  const swallow = (event) => { event.stopPropagation(); event.preventDefault(); };
  window.addEventListener('click', swallow, { capture: true, once: true });
  window.setTimeout(() => window.removeEventListener('click', swallow, { capture: true }), 50);
}

function step(sheet, by) {
  const at = STOPS.indexOf(stopOf(sheet)) + by;
  if (at < 0) close(sheet);
  else if (at < STOPS.length) setStop(sheet, STOPS[at]);
}

function press(event) {
  const opener = event.target.closest?.('[data-sheet-open]');
  if (opener) {
    const sheet = document.getElementById(opener.dataset.sheetOpen);
    if (sheet.classList.contains('open')) close(sheet);
    else open(sheet);
    return;
  }
  const sheet = event.target.closest?.('[data-sheet]');
  if (sheet?.dataset.sheetFold && event.target.closest(sheet.dataset.sheetFold)) setStop(sheet, 'half');
  const inHead = event.target.closest?.(HEAD) && !event.target.closest(CONTROL);
  if (sheet && isPhone() && (event.target.closest('.sheet-grip') || (inHead && !fits(sheet) && !isSideways()))) {
    if (fits(sheet)) close(sheet);
    else if (isSideways()) setStop(sheet, stopOf(sheet) === 'peek' ? sheet.dataset.sheet : 'peek');
    else setStop(sheet, { peek: 'half', half: 'full', full: 'half' }[stopOf(sheet)]);
  } else if (sheet?.matches('.more-sheet') && event.target.closest('a, .more-close')) close(sheet);
  else if (!sheet) for (const one of opened) if (one.matches('.more-sheet')) close(one);
}

function key(event) {
  const sheet = event.target.closest?.('.sheet-grip')?.closest('[data-sheet]');
  if (sheet && !fits(sheet) && ['ArrowUp', 'ArrowDown', 'Home', 'End'].includes(event.key)) {
    event.preventDefault();
    if (event.key === 'Home') setStop(sheet, 'full');
    else if (event.key === 'End') setStop(sheet, 'peek');
    else step(sheet, event.key === 'ArrowUp' ? 1 : -1);
    return;
  }
  // Esc takes the topmost first; what is left goes on to the map and the page.
  const top = [...opened].filter((one) => one.matches('.switcher, .more-sheet, .alert-sheet')).at(-1);
  if (event.key === 'Escape' && top && isPhone()) {
    event.preventDefault();
    event.stopPropagation();
    close(top);
  }
}

export function start() {
  new MutationObserver(plan).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener('pointerdown', down);
  document.addEventListener('pointermove', move);
  document.addEventListener('pointerup', up);
  document.addEventListener('pointercancel', up);
  document.addEventListener('click', press);
  document.addEventListener('keydown', key, true);
  window.addEventListener('resize', plan);
  plan();
}
