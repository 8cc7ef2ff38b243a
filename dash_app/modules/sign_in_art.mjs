// Picture behind the sign-in: an imagined quarter seen from above, drawn from one seed, with a few lights that breathe.

function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

const COLOURS = {
  dark: { ground: '#0b1420', block: '#122033', build: ['#1b2e45', '#213853', '#294561'], road: '#24384f', water: '#0f2a44', green: '#12302f', grid: '#3fb6ff', light: ['#f5b942', '#3fb6ff', '#35c28a'] },
  light: { ground: '#e7edf3', block: '#f4f7fa', build: ['#d9e2eb', '#cdd9e5', '#c0cfde'], road: '#ffffff', water: '#bcd8ee', green: '#cfe6d4', grid: '#0a6ebd', light: ['#d98a00', '#0a6ebd', '#0f7a52'] },
};

function scene(width, height) {
  const next = random(20231);
  const size = 132;
  const span = Math.hypot(width, height);
  const blocks = [];
  for (let row = -1; row * size < span; row += 1) {
    for (let column = -1; column * size < span; column += 1) {
      const x = column * size;
      const y = row * size;
      const kind = next();
      const block = { x: x + 7, y: y + 7, w: size - 14, h: size - 14, green: kind < 0.1, buildings: [] };
      if (!block.green) {
        const rows = 2 + Math.floor(next() * 3);
        for (let i = 0; i < rows; i += 1) {
          let at = 10;
          while (at < block.w - 30) {
            const wide = 20 + next() * 42;
            if (next() > 0.16 && at + wide < block.w - 6) {
              block.buildings.push({ x: block.x + at, y: block.y + 10 + i * ((block.h - 16) / rows), w: wide, h: (block.h - 16) / rows - 12, tone: Math.floor(next() * 3), light: next() > 0.965 ? Math.floor(next() * 3) : -1, phase: next() * 6.28 });
            }
            at += wide + 8;
          }
        }
      }
      blocks.push(block);
    }
  }
  return { blocks, span, size };
}

export function mount(element) {
  const canvas = document.createElement('canvas');
  element.append(canvas);
  const pen = canvas.getContext('2d');
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  let drawn = null;
  let lights = [];
  let frame = 0;

  const paint = () => {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const { clientWidth: width, clientHeight: height } = element;
    const colours = COLOURS[document.documentElement.dataset.theme] ?? COLOURS.dark;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const { blocks, span, size } = scene(width, height);
    const tilt = -0.21;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colours.road;
    pen.globalAlpha = 1;
    pen.fillRect(0, 0, width, height);
    pen.translate(width / 2, height / 2);
    pen.rotate(tilt);
    pen.translate(-span / 2, -span / 2);
    lights = [];
    for (const block of blocks) {
      pen.fillStyle = block.green ? colours.green : colours.block;
      pen.beginPath();
      pen.roundRect(block.x, block.y, block.w, block.h, 4);
      pen.fill();
      for (const building of block.buildings) {
        pen.fillStyle = colours.build[building.tone];
        pen.fillRect(building.x, building.y, building.w, building.h);
        if (building.light >= 0) lights.push(building);
      }
    }
    // A canal winds through, with its own banks.
    pen.strokeStyle = colours.water;
    pen.lineWidth = 46;
    pen.lineJoin = 'round';
    pen.beginPath();
    for (let step = -1; step <= 24; step += 1) {
      const x = (step / 24) * span;
      const y = span * 0.56 + Math.sin(step / 3.1) * 70 + Math.sin(step / 1.7) * 22;
      if (step < 0) pen.moveTo(x, y);
      else pen.lineTo(x, y);
    }
    pen.stroke();
    // Grid lines, the borders that the application is about.
    pen.strokeStyle = colours.grid;
    pen.globalAlpha = 0.34;
    pen.lineWidth = 1.4;
    pen.setLineDash([6, 5]);
    for (let line = 0; line * size * 3 < span; line += 1) {
      const at = line * size * 3;
      pen.beginPath();
      pen.moveTo(at, 0);
      pen.lineTo(at, span);
      pen.moveTo(0, at + size);
      pen.lineTo(span, at + size);
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    drawn = pen.getImageData(0, 0, canvas.width, canvas.height);
    glow(0, colours);
  };

  const glow = (time, colours) => {
    for (const light of lights) {
      const strength = still ? 0.8 : 0.45 + 0.45 * Math.sin(time / 1400 + light.phase);
      const colour = colours.light[light.light];
      const [x, y] = [light.x + light.w / 2, light.y + light.h / 2];
      pen.globalAlpha = strength * 0.28;
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x, y, 18, 0, 7);
      pen.fill();
      pen.globalAlpha = strength;
      pen.beginPath();
      pen.arc(x, y, 4.5, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  };

  let last = 0;
  const tick = (time) => {
    if (time - last > 90 && drawn && !document.hidden) {
      last = time;
      pen.putImageData(drawn, 0, 0);
      glow(time, COLOURS[document.documentElement.dataset.theme] ?? COLOURS.dark);
    }
    frame = requestAnimationFrame(tick);
  };
  const observer = new ResizeObserver(paint);
  observer.observe(element);
  window.addEventListener('onemap:theme', paint);
  if (!still) frame = requestAnimationFrame(tick);
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    window.removeEventListener('onemap:theme', paint);
  };
}
