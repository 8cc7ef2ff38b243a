// Moving things: features that are pushed glide from where they are to where they have gone.
// push(map, source, features): features carry properties.id; those not named stay where they are.
export const GLIDE = 1400; // ms; shorter than the usual 10 s between fixes, long enough to be seen from five metres
const MANY = 3000; // more than these jump: drawing them at every frame would cost more than it tells
const FRAME = 50;

class Glider {
  constructor(owner, source) {
    this.owner = owner;
    this.source = source;
    this.things = new Map();
    this.frame = 0;
    this.last = 0;
    owner.on('style', () => this.draw(performance.now()));
    owner.on('close', () => cancelAnimationFrame(this.frame));
  }

  push(features, { whole = false } = {}) {
    const now = performance.now();
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    const jump = still || document.hidden || this.things.size > MANY;
    const named = new Set();
    for (const feature of features) {
      const id = String(feature.properties.id ?? feature.id);
      named.add(id);
      const to = feature.geometry.coordinates;
      const before = this.things.get(id);
      const from = before && !jump ? at(before, now) : to;
      this.things.set(id, { from, to, start: now, properties: { ...before?.properties, ...feature.properties } });
    }
    if (whole) for (const id of this.things.keys()) if (!named.has(id)) this.things.delete(id);
    cancelAnimationFrame(this.frame);
    this.until = jump ? now : now + GLIDE;
    this.step(now);
  }

  // New properties of a thing that did not move.
  mark(id, properties) {
    const thing = this.things.get(String(id));
    if (!thing) return;
    Object.assign(thing.properties, properties);
    this.draw(performance.now());
  }

  remove(ids) {
    for (const id of ids) this.things.delete(String(id));
    this.draw(performance.now());
  }

  step(now) {
    if (now - this.last >= FRAME || now >= this.until) {
      this.last = now;
      this.draw(now);
    }
    if (now < this.until) this.frame = requestAnimationFrame((time) => this.step(time));
  }

  collection(now = performance.now()) {
    const features = [];
    for (const [id, thing] of this.things) {
      features.push({ type: 'Feature', id: Number(id) || undefined, properties: thing.properties, geometry: { type: 'Point', coordinates: at(thing, now) } });
    }
    return { type: 'FeatureCollection', features };
  }

  draw(now) {
    this.owner.map?.getSource(this.source)?.setData(this.collection(now));
  }
}

function at(thing, now) {
  const share = Math.min(1, (now - thing.start) / GLIDE);
  const eased = share * (2 - share);
  return [thing.from[0] + (thing.to[0] - thing.from[0]) * eased, thing.from[1] + (thing.to[1] - thing.from[1]) * eased];
}

export function glider(owner, source) {
  owner.gliders ??= new Map();
  if (!owner.gliders.has(source)) owner.gliders.set(source, new Glider(owner, source));
  return owner.gliders.get(source);
}
