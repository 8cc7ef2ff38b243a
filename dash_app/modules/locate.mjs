// Where am I: the phone's own position, or, where the phone gives none, the last one that the worker's terminal has sent.
// It is shown here and goes nowhere else.
import { map as mapOf } from './map.mjs';

const NAME = 'me';
const WAIT = 8000;
const ROUND = 48;

const look = (theme) => {
  const colour = theme === 'light' ? '#0a6ebd' : '#3fb6ff';
  const point = ['==', ['geometry-type'], 'Point'];
  return [
    { type: 'fill', filter: ['!', point], paint: { 'fill-color': colour, 'fill-opacity': 0.14 } },
    { type: 'circle', filter: point, paint: { 'circle-radius': 8, 'circle-color': colour, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 3 } },
  ];
};

export function tell(title, message = '', color = 'yellow') {
  window.dash_clientside?.set_props?.('toasts', { sendNotifications: [{ action: 'show', id: `note-${Date.now()}`, title, message, color, autoClose: 6000 }] });
}

const ask = () => new Promise((resolve, reject) => {
  if (!navigator.geolocation) reject(new Error('none'));
  else navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: true, timeout: WAIT, maximumAge: 5000 });
});

// The worker's own last fix, as the live layer holds it.
function lastFix(owner) {
  const thing = owner.options.me ? owner.gliders?.get('workers')?.things.get(String(owner.options.me)) : null;
  return thing ? { at: thing.to, accuracy: null, when: thing.properties.at } : null;
}

const time = (seconds) => new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' }).format(new Date(seconds * 1000));

// Position in degrees (WGS 84, here equal to CGCS2000) and its accuracy in metres; null when there is none, which is said.
export async function position(owner) {
  try {
    const { coords } = await ask();
    return { at: [coords.longitude, coords.latitude], accuracy: coords.accuracy };
  } catch (error) {
    const fix = lastFix(owner);
    if (fix) {
      tell('手机没有给出位置', `显示的是您的终端 ${time(fix.when)} 上报的位置。`);
      return fix;
    }
    const why = error.code === 1 || !window.isSecureContext ? '请在浏览器中允许本页使用位置（需要 https 地址）。' : '请到开阔处再试，或在地图上点选。';
    tell('没有取得位置', why);
    return null;
  }
}

function circle([lon, lat], metres) {
  const ring = Array.from({ length: ROUND + 1 }, (_, index) => {
    const angle = (2 * Math.PI * index) / ROUND;
    const north = (metres * Math.cos(angle)) / 111320;
    const east = (metres * Math.sin(angle)) / (111320 * Math.cos((lat * Math.PI) / 180));
    return [lon + east, lat + north];
  });
  return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } };
}

// Mark the position on a map and go there.
export async function show(owner) {
  const found = await position(owner);
  if (!found || !owner.element.isConnected) return null;
  const features = [{ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: found.at } }];
  if (found.accuracy) features.unshift(circle(found.at, Math.min(found.accuracy, 2000)));
  if (!owner.overlays.known.has(NAME)) owner.overlays.add(NAME, { layers: look });
  owner.setData(NAME, { type: 'FeatureCollection', features });
  owner.flyTo({ center: found.at, zoom: Math.max(owner.map.getZoom(), 17), padding: owner.padding() }, { step: false });
  return found;
}

// A button of a form that takes the position as the place that was pointed at: <button data-here="map">.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-here]');
  if (!button) return;
  const owner = mapOf(button.dataset.here);
  button.disabled = true;
  const found = owner ? await show(owner) : null;
  button.disabled = false;
  if (found) window.dash_clientside.set_props('map-event', { data: { map: owner.id, event: 'click', detail: { at: found.at }, at: Date.now() } });
});
