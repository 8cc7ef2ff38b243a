// The view that shows a place as large as it goes on a tilted map: MapLibre's own fitting looks straight down, so that a
// place far longer than wide leaves half of a wall empty.
import { MercatorCoordinate } from 'maplibre-gl';

const STEPS = 40;
const WORLD = 512; // CSS pixels of the world at zoom 0

// Points of a box or a GeoJSON polygon as [lon, lat].
export function pointsOf(place) {
  if (Array.isArray(place)) {
    const [west, south, east, north] = place;
    return [[west, south], [east, south], [east, north], [west, north]];
  }
  return place.type === 'MultiPolygon' ? place.coordinates.flat(2) : place.coordinates.flat();
}

// points: [lon, lat]; size: {width, height} of the map and padding around the free part, in CSS pixels; pitch, bearing in
// degrees, fov the camera's angle of view from top to bottom. Gives {center, zoom, bearing, pitch, padding}.
export function tiltedView(points, { width, height, padding, pitch, bearing, maxZoom, fov = 36.87 }) {
  const far = height / 2 / Math.tan((fov * Math.PI) / 360); // from the eye to the middle of the picture
  const [tilt, turn] = [pitch, bearing].map((angle) => (angle * Math.PI) / 180);
  const flat = points.map((point) => {
    const { x, y } = MercatorCoordinate.fromLngLat(point);
    return [x, y];
  });
  const axis = (index) => flat.map((point) => point[index]);
  let middle = [0, 1].map((index) => (Math.min(...axis(index)) + Math.max(...axis(index))) / 2);
  const free = { width: width - padding.left - padding.right, height: height - padding.top - padding.bottom };

  // Where the points are on the screen from the middle of the free part, x to the right and y upwards.
  const seen = (zoom) => {
    const scale = WORLD * 2 ** zoom;
    const found = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
    for (const [x, y] of flat) {
      const [east, south] = [(x - middle[0]) * scale, (y - middle[1]) * scale];
      const right = east * Math.cos(turn) + south * Math.sin(turn);
      const away = east * Math.sin(turn) - south * Math.cos(turn);
      const depth = far + away * Math.sin(tilt);
      if (depth < far / 20) return null; // behind the eye
      const share = far / depth;
      found.left = Math.min(found.left, right * share);
      found.right = Math.max(found.right, right * share);
      found.low = Math.min(found.low, away * Math.cos(tilt) * share);
      found.high = Math.max(found.high, away * Math.cos(tilt) * share);
    }
    return found;
  };

  let zoom = 0;
  // Nearness and middle depend on each other: a few rounds bring both to rest.
  for (let round = 0; round < 6; round += 1) {
    let [low, high] = [0, maxZoom];
    for (let step = 0; step < STEPS; step += 1) {
      const tried = (low + high) / 2;
      const found = seen(tried);
      if (found && found.right - found.left <= free.width && found.high - found.low <= free.height) low = tried;
      else high = tried;
    }
    zoom = low;
    const found = seen(zoom);
    const [right, up] = [(found.left + found.right) / 2, (found.low + found.high) / 2 / Math.cos(tilt)];
    const scale = WORLD * 2 ** zoom;
    middle = [middle[0] + (right * Math.cos(turn) + up * Math.sin(turn)) / scale, middle[1] + (right * Math.sin(turn) - up * Math.cos(turn)) / scale];
  }
  const center = new MercatorCoordinate(middle[0], middle[1]).toLngLat();
  return { center: [center.lng, center.lat], zoom, bearing, pitch, padding };
}
