// Today's cases by hour: reported as bars, closed as a line over them. Drawn once a count, nothing moves.
const NS = 'http://www.w3.org/2000/svg';
const WIDTH = 360;
const HEIGHT = 96;
const BASE = 76;

function shape(tag, attributes, text) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// hours: 24 pairs [reported, closed]; hours that are still to come stay empty.
export function drawHours(host, hours, moment) {
  const now = Number(new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' }).format(moment)) % 24;
  const key = JSON.stringify([hours, now]);
  if (host.dataset.key === key) return;
  host.dataset.key = key;
  const most = Math.max(4, ...hours.flat());
  const step = WIDTH / 24;
  const y = (value) => BASE - (value / most) * (BASE - 12);
  const svg = shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img' });
  const sums = hours.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  svg.setAttribute('aria-label', `今日上报 ${sums[0]} 件，办结 ${sums[1]} 件`);
  svg.append(shape('line', { x1: 0, x2: WIDTH, y1: BASE + 0.5, y2: BASE + 0.5, class: 'axis' }));
  hours.forEach(([reported], hour) => {
    if (hour > now) return;
    const height = Math.max(BASE - y(reported), reported ? 2 : 0.8);
    svg.append(shape('rect', { x: hour * step + 2.5, width: step - 5, y: BASE - height, height, rx: 1.5, class: hour === now ? 'bar now' : 'bar' }));
  });
  const points = hours.slice(0, now + 1).map(([, closed], hour) => `${hour * step + step / 2},${y(closed)}`);
  if (points.length > 1) svg.append(shape('polyline', { points: points.join(' '), class: 'closed' }));
  for (const hour of [0, 6, 12, 18]) svg.append(shape('text', { x: hour * step + (hour ? step / 2 : 0), y: HEIGHT - 2, class: hour ? 'mid' : '' }, `${hour} 时`));
  host.replaceChildren(svg);
}
