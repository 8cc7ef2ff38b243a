// The live feed: one socket to /api/v1/live for a page, shared by whoever listens on it.
// const feed = connect(); feed.on('state' | 'change' | 'situation' | 'problem' | 'link', listener); feed.close();
// After any loss the server sends the whole state first, so a listener never has to ask what it missed.

import { attach, hideEvidence, showEvidence } from './live_map.mjs';

const RETRY = [300, 700, 1500, 3000, 5000]; // ms; then the last one again and again
const SILENCE = 40000; // ms without a frame (the server beats every 15 s): the line is dead though nobody said so
const SIGNED_OUT = 4401;
const KEPT = 100; // alerts and events that are kept for late listeners

class Feed {
  constructor(counts) {
    this.counts = counts;
    this.users = 0;
    this.listeners = new Map();
    this.last = new Map(); // newest situation, for listeners that come later
    this.state = null;
    this.place = '';
    this.alive = false;
    this.failures = 0;
    this.online = () => { if (!this.alive) this.retry(0); };
  }

  open() {
    window.addEventListener('online', this.online);
    this.watchdog = window.setInterval(() => {
      if (this.alive && performance.now() - this.heard > SILENCE) this.socket?.close();
    }, 5000);
    this.connect();
  }

  connect() {
    window.clearTimeout(this.timer);
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${window.location.host}/api/v1/live${this.counts ? '?situation=1' : ''}`);
    this.socket = socket;
    socket.onopen = () => { if (this.place) this.look(this.place); };
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.link(false);
      if (event.code === SIGNED_OUT) {
        const back = encodeURIComponent(window.location.pathname + window.location.search + window.location.hash);
        window.location.assign(`/sign-in?next=${back}`);
        return;
      }
      this.retry(RETRY[Math.min(this.failures, RETRY.length - 1)] * (0.8 + 0.4 * Math.random()));
      this.failures += 1;
    };
  }

  retry(wait) {
    if (this.users === 0) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.connect(), wait);
  }

  take(frame) {
    this.heard = performance.now();
    this.failures = 0;
    this.link(true);
    if (frame.type === 'state') this.remember(frame);
    else if (frame.type === 'situation') this.last.set('situation', frame);
    else if (frame.type === 'change') this.follow(frame);
    if (frame.type !== 'beat') this.emit(frame.type, frame);
  }

  // The state is kept up to date, so that a listener that comes later (a map that has just opened) misses nothing.
  remember(state) {
    this.state = {
      ...state,
      workers: new Map(state.workers.map((move) => [move[0], move])),
      alerts: new Map(state.alerts.map((alert) => [alert.id, alert])),
    };
  }

  follow({ moment, moves, alerts, events }) {
    if (!this.state) return;
    this.state.moment = moment;
    for (const move of moves) this.state.workers.set(move[0], move);
    for (const alert of alerts) {
      this.state.alerts.delete(alert.id);
      if (alert.state !== 'withdrawn') this.state.alerts.set(alert.id, alert);
      for (const [id, { state }] of this.state.alerts) {
        if (this.state.alerts.size <= KEPT) break;
        if (state === 'returned') this.state.alerts.delete(id);
      }
    }
    this.state.events = [...events, ...this.state.events].slice(0, KEPT);
  }

  newest(type) {
    if (type !== 'state' || !this.state) return this.last.get(type);
    return { ...this.state, workers: [...this.state.workers.values()], alerts: [...this.state.alerts.values()] };
  }

  link(alive) {
    if (alive === this.alive) return;
    this.alive = alive;
    this.emit('link', alive);
  }

  // The situation is counted for this place from now on; empty for the whole scope.
  look(place) {
    this.place = place;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ look: place }));
  }

  emit(type, frame) {
    for (const listener of this.listeners.get(type) ?? []) listener(frame);
  }

  close() {
    window.removeEventListener('online', this.online);
    window.clearInterval(this.watchdog);
    window.clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.alive = false;
    this.last.clear();
    this.state = null;
  }
}

const feeds = new Map();

// A handle on the page's feed; counts: also the situation. The socket closes when the last handle does.
export function connect({ counts = false } = {}) {
  if (!feeds.has(counts)) feeds.set(counts, new Feed(counts));
  const feed = feeds.get(counts);
  const mine = [];
  feed.users += 1;
  if (feed.users === 1) feed.open();
  return {
    on(type, listener) {
      if (!feed.listeners.has(type)) feed.listeners.set(type, new Set());
      feed.listeners.get(type).add(listener);
      mine.push([type, listener]);
      const newest = feed.newest(type);
      if (newest) listener(newest);
      if (type === 'link') listener(feed.alive);
    },
    look: (place) => feed.look(place),
    get alive() { return feed.alive; },
    close() {
      for (const [type, listener] of mine.splice(0)) feed.listeners.get(type)?.delete(listener);
      feed.users -= 1;
      if (feed.users === 0) feed.close();
    },
  };
}

// A map that follows the feed for as long as it stands: workers move, alerts pulse, changed tiles are drawn anew.
// A click on an alert opens the track that proves it; a second one closes it again.
export function follow(owner) {
  const feed = connect();
  let shown = null;
  attach(owner, feed, {
    onAlert: async (alert) => {
      if (shown === alert.id) {
        shown = null;
        hideEvidence(owner);
        return;
      }
      shown = alert.id;
      await showEvidence(owner, alert.id);
    },
  });
  feed.on('change', ({ alerts, grids }) => {
    alerts.filter((alert) => alert.what === 'raised').forEach(toast);
    grids.forEach(toastGrids);
  });
  owner.on('close', () => feed.close());
  return feed;
}

// Grids that did not take effect on their day: whoever draws them must act, so the word stays until it is closed.
export function toastGrids({ place, version, title, message, remedy }) {
  window.dash_clientside?.set_props?.('toasts', {
    sendNotifications: [{ action: 'show', id: `grids-${place}-${version}`, title, message: `${message}${remedy}`, color: 'red', autoClose: false }],
  });
}

function toast(alert) {
  window.dash_clientside?.set_props?.('toasts', {
    sendNotifications: [{
      action: 'show', id: `alert-${alert.id}`, title: alert.title, message: '点击地图上的红色标记，查看证明轨迹。', color: 'red', autoClose: 12000,
    }],
  });
}
