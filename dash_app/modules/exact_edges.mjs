// Snapping to what is stored: corners and edges of exact GeoJSON, never of tiles (those are off by centimetres).
// Positions are [lon, lat] with nine decimals, the lattice on which the server compares corners.

const CORNER_PIXELS = 12;
const EDGE_PIXELS = 10;

export const exact = (value) => Math.round(value * 1e9) / 1e9;
const key = ([x, y]) => `${x},${y}`;

export class ExactEdges {
  constructor(collection, border) {
    this.corners = new Map(); // key → {at, near: Map of neighbouring corners, outer}
    this.edges = [];
    const seen = new Set();
    for (const feature of collection.features) {
      for (const ring of feature.geometry.coordinates) this.addRing(ring, seen);
    }
    for (const polygon of border?.type === 'MultiPolygon' ? border.coordinates : border ? [border.coordinates] : []) {
      for (const ring of polygon) for (const at of ring) this.corner(at).outer = true;
    }
  }

  corner(at) {
    const name = key(at);
    if (!this.corners.has(name)) this.corners.set(name, { at, near: new Map(), outer: false });
    return this.corners.get(name);
  }

  addRing(ring, seen) {
    for (let index = 0; index + 1 < ring.length; index += 1) {
      const [a, b] = [ring[index], ring[index + 1]];
      this.corner(a).near.set(key(b), b);
      this.corner(b).near.set(key(a), a);
      const name = key(a) < key(b) ? `${key(a)};${key(b)}` : `${key(b)};${key(a)}`;
      if (!seen.has(name)) {
        seen.add(name);
        this.edges.push([a, b]);
      }
    }
  }

  // The corner within reach of a pixel, else the nearest point of an edge, else null: {at, near, outer, corner}
  nearest(pixel, project, { corner = CORNER_PIXELS, edge = EDGE_PIXELS, except = null } = {}) {
    let best = null;
    let reach = corner;
    for (const found of this.corners.values()) {
      if (except && key(found.at) === key(except)) continue;
      const at = project(found.at);
      const distance = Math.hypot(at.x - pixel.x, at.y - pixel.y);
      if (distance <= reach) [best, reach] = [found, distance];
    }
    if (best) return { at: best.at, near: [...best.near.values()], outer: best.outer, corner: true };
    reach = edge;
    let share = 0;
    for (const [a, b] of this.edges) {
      const [p, q] = [project(a), project(b)];
      const [dx, dy] = [q.x - p.x, q.y - p.y];
      const length = dx * dx + dy * dy;
      if (length === 0) continue;
      const along = Math.min(1, Math.max(0, ((pixel.x - p.x) * dx + (pixel.y - p.y) * dy) / length));
      const distance = Math.hypot(p.x + along * dx - pixel.x, p.y + along * dy - pixel.y);
      if (distance <= reach) [best, reach, share] = [[a, b], distance, along];
    }
    if (!best) return null;
    const [a, b] = best;
    const at = [exact(a[0] + share * (b[0] - a[0])), exact(a[1] + share * (b[1] - a[1]))];
    const outer = this.corners.get(key(a)).outer && this.corners.get(key(b)).outer;
    return { at, near: [a, b], outer, corner: false };
  }
}
