// Tools that draw on a map with exact snapping. Each is made for one OneMap and has stop(); while one is at work,
// owner.busy keeps clicks from selecting things.
import { TerraDraw, TerraDrawLineStringMode } from 'terra-draw';
import { TerraDrawMapLibreGLAdapter } from 'terra-draw-maplibre-gl-adapter';
import { exact } from './exact_edges.mjs';
import { theme } from './map.mjs';

const COLOURS = { dark: { line: '#ffd166', snap: '#3fb6ff' }, light: { line: '#b34700', snap: '#0a6ebd' } };

// A line of clicks; double click or Enter ends it, Escape begins anew. edges() gives the ExactEdges of the moment.
export function lineTool(owner, { edges, finished, changed = () => {} }) {
  const { map } = owner;
  const snap = (event) => edges()?.nearest({ x: event.containerX, y: event.containerY }, (at) => map.project(at))?.at;
  const colour = COLOURS[theme()];
  let draw = null;

  function start() {
    draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, coordinatePrecision: 9 }),
      modes: [
        new TerraDrawLineStringMode({
          snapping: { toCustom: snap },
          pointerDistance: 14,
          showCoordinatePoints: true,
          styles: {
            lineStringColor: colour.line, lineStringWidth: 3,
            coordinatePointColor: colour.line, coordinatePointWidth: 4, coordinatePointOutlineWidth: 1, coordinatePointOutlineColor: '#ffffff',
            closingPointColor: colour.line, closingPointWidth: 6, closingPointOutlineColor: '#ffffff', closingPointOutlineWidth: 2,
            snappingPointColor: colour.snap, snappingPointWidth: 6, snappingPointOutlineColor: '#ffffff', snappingPointOutlineWidth: 2,
          },
        }),
      ],
    });
    draw.start();
    draw.setMode('linestring');
    draw.on('finish', (id) => {
      const line = draw.getSnapshotFeature(id)?.geometry.coordinates.map(([x, y]) => [exact(x), exact(y)]);
      draw.clear();
      if (line) finished(line);
    });
    draw.on('change', () => changed(draw.getSnapshot().find((f) => f.geometry.type === 'LineString')?.geometry.coordinates.length ?? 0));
  }

  // A change of theme draws the map's style anew and takes the tool's own layers with it.
  const again = owner.on('style', () => {
    draw.stop();
    start();
  });
  start();
  owner.busy = true;
  map.doubleClickZoom.disable();
  return {
    clear: () => draw.clear(),
    stop() {
      again();
      draw.stop();
      owner.busy = false;
      map.doubleClickZoom.enable();
      map.getCanvas().style.cursor = '';
    },
  };
}

// Takes hold of a corner, or of a point of an edge, and carries it: show(hand) draws it, moved(from, to) is the result,
// chosen(corner) a click without a move. hand = {at, from, near} or null.
export function cornerTool(owner, { edges, show, moved, chosen }) {
  const { map } = owner;
  const project = (at) => map.project(at);
  let hand = null;
  let begin = null;

  const reach = (event) => (event.originalEvent.touches || event.originalEvent.pointerType === 'touch' ? { corner: 26, edge: 20 } : {});

  const down = (event) => {
    if (event.originalEvent.button > 0 || event.originalEvent.touches?.length > 1) return;
    const found = edges()?.nearest(event.point, project, reach(event));
    if (!found) {
      chosen(null);
      return;
    }
    event.preventDefault();
    map.dragPan.disable();
    hand = { ...found, from: found.at };
    begin = event.point;
    show(hand);
  };
  const move = (event) => {
    if (!hand) {
      const found = edges()?.nearest(event.point, project, reach(event));
      map.getCanvas().style.cursor = found ? (found.outer ? 'not-allowed' : 'grab') : '';
      return;
    }
    map.getCanvas().style.cursor = 'grabbing';
    const other = event.originalEvent.altKey ? null : edges().nearest(event.point, project, { corner: 10, edge: 0, except: hand.from });
    hand.at = other?.corner ? other.at : [exact(event.lngLat.lng), exact(event.lngLat.lat)];
    show(hand);
  };
  const up = (event) => {
    if (!hand) return;
    map.dragPan.enable();
    const done = hand;
    hand = null;
    const far = event.point && Math.hypot(event.point.x - begin.x, event.point.y - begin.y) > 4;
    if (far) moved(done.from, done.at);
    else {
      show(null);
      chosen(done.corner ? done : null);
    }
  };
  const cancel = () => {
    if (hand) map.dragPan.enable();
    hand = null;
    show(null);
  };
  const events = { mousedown: down, touchstart: down, mousemove: move, touchmove: move, mouseup: up, touchend: up, touchcancel: cancel };
  for (const [name, listener] of Object.entries(events)) map.on(name, listener);
  owner.busy = true;
  return {
    clear: cancel,
    stop() {
      cancel();
      for (const [name, listener] of Object.entries(events)) map.off(name, listener);
      owner.busy = false;
      map.getCanvas().style.cursor = '';
    },
  };
}
