// What Ctrl+K can do besides finding places: pages, layers, views. Words are what the user reads, never made up twice:
// pages come from the top bar, layers from the registry.
import { getJson, navigate } from './dom.mjs';
import { map, theme } from './map.mjs';

let layers = null;

async function layerCommands(current) {
  if (!current) return [];
  layers ??= getJson(`/api/v1/layers?theme=${theme()}`).then((answer) => answer.layers ?? answer).catch(() => []);
  const on = new Set(current.state.layers ?? []);
  return (await layers).map((layer) => ({
    title: `${on.has(layer.id) ? '关闭' : '打开'}图层：${layer.title}`,
    words: `${layer.title} ${layer.id}`,
    run: () => current.setLayers(on.has(layer.id) ? [...on].filter((id) => id !== layer.id) : [...on, layer.id]),
  }));
}

// A dark map is for screens: on paper it comes in the light theme, which is put back afterwards.
async function printPage() {
  const current = map('map');
  const dark = theme() === 'dark' && current?.element.isConnected;
  const toggle = () => document.getElementById('theme-toggle')?.click();
  if (dark) {
    const drawn = new Promise((resolve) => { const off = current.on('style', () => { off(); current.map.once('idle', resolve); }); });
    toggle();
    await drawn;
    window.addEventListener('afterprint', toggle, { once: true });
  }
  window.print();
}

export async function commands() {
  const current = map('map')?.element.isConnected ? map('map') : null;
  const pages = [...document.querySelectorAll('.top-bar .nav a')].map((link) => ({
    title: `前往：${link.textContent}`,
    words: link.textContent,
    run: () => link.click(),
  }));
  const views = [
    { title: '切换深色与浅色', words: '主题 深色 浅色 theme', run: () => document.getElementById('theme-toggle')?.click() },
    { title: '打印本页', words: '打印 print', run: printPage },
    { title: '退出登录', words: '退出 注销', run: async () => { await fetch('/api/v1/session', { method: 'DELETE' }); window.location.assign('/sign-in'); } },
  ];
  if (current) {
    views.unshift(
      { title: current.state.threeD ? '回到平面' : '打开三维沙盘', words: '三维 3d 沙盘', run: () => current.setThreeD(!current.state.threeD) },
      { title: '复制本视图的链接', words: '链接 分享 复制 link', run: () => navigator.clipboard?.writeText(window.location.href) },
    );
    if (current.options.bounds) views.unshift({ title: '回到辖区', words: '辖区 全图 home', run: () => current.flyTo(current.options.bounds) });
  } else {
    views.unshift({ title: '回到一张图', words: '地图 一张图', run: () => navigate('/') });
  }
  return [...pages, ...views, ...(await layerCommands(current))];
}

export function matching(list, query) {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((item) => wanted.every((word) => `${item.title} ${item.words}`.toLowerCase().includes(word)));
}
