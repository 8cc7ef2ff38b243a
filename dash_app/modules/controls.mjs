// Buttons at the map's lower right: nearer, farther, north, 3-D, home, whole screen; and the line that says the source.

import { show } from './locate.mjs';

const LINES = {
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  home: 'M4 11 12 4l8 7M6.5 9.5V20h11V9.5',
  here: 'M12 3v3M12 18v3M3 12h3M18 12h3M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
};

const svg = (path) => `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;

function button(label, content, act) {
  const element = document.createElement('button');
  element.type = 'button';
  element.title = label;
  element.setAttribute('aria-label', label);
  element.innerHTML = content;
  element.addEventListener('click', act);
  return element;
}

export function addControls(owner) {
  const { map, options } = owner;
  if (options.controls === false) return;
  const box = document.createElement('div');
  box.className = 'map-controls';

  const compass = button('正北朝上', '<span class="needle"></span>', () => map.easeTo({ bearing: 0, pitch: owner.state.threeD ? map.getPitch() : 0 }));
  compass.className = 'compass';
  const turn = () => compass.style.setProperty('--bearing', `${-map.getBearing()}deg`);
  map.on('rotate', turn);
  turn();

  const threeD = button('三维沙盘', '<b>3D</b>', () => owner.setThreeD(!owner.state.threeD));
  const mark = () => {
    threeD.setAttribute('aria-pressed', String(owner.state.threeD));
    threeD.innerHTML = `<b>${owner.state.threeD ? '2D' : '3D'}</b>`;
    threeD.title = owner.state.threeD ? '回到平面' : '三维沙盘';
  };
  threeD.className = 'tilt';
  owner.on('threeD', mark);
  mark();

  const group = (...buttons) => {
    const element = document.createElement('div');
    element.className = 'map-button-group';
    element.append(...buttons);
    return element;
  };
  // On a phone: a desk stands where everybody knows.
  const here = button('我的位置', svg(LINES.here), () => show(owner));
  here.className = 'here-button';
  const view = [compass, threeD, here];
  if (options.bounds) view.push(button('回到辖区', svg(LINES.home), () => owner.flyTo(options.bounds)));
  if (document.fullscreenEnabled && options.fullscreen !== false) {
    const whole = button('全屏', svg(LINES.full), () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen();
    });
    whole.className = 'fullscreen';
    view.push(whole);
  }
  box.append(
    group(...view),
    group(button('放大', svg(LINES.plus), () => map.zoomIn()), button('缩小', svg(LINES.minus), () => map.zoomOut())),
  );
  owner.element.append(box);

  const note = document.createElement('div');
  note.className = 'map-note';
  const origin = document.createElement('span');
  origin.textContent = `${options.source ?? '社区一张图'} · CGCS2000 · `;
  const moment = document.createElement('span');
  note.append(origin, moment);
  const say = () => { moment.textContent = `截至 ${clock()}`; };
  say();
  const timer = window.setInterval(say, 20000);
  owner.on('close', () => window.clearInterval(timer));
  owner.element.append(note);
}

function clock() {
  return new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' }).format(new Date());
}
