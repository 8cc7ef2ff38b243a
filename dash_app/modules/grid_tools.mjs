// The tool bar of the grid desk: what can be done now, and how.
import { el } from './dom.mjs';

export const hints = {
  split: '沿分割线逐点单击，两端点在网格边界上（自动吸附）或画出边界；双击或按回车结束。',
  merge: '单击要合并的网格，至少两个相邻的；再按“合并”或回车。',
  move: '拖动角点，或拖动边界上任一处生出新角点；单击选中角点后可删除。社区外边界不能移动。',
};

const LINES = {
  split: 'M4 5h16v14H4zM14 3l-5 18',
  merge: 'M4 5h16v14H4zM12 5v3.5M12 15.5V19M8 12h8m-2.5-2.5L16 12l-2.5 2.5',
  move: 'M5 18 12 7l7 8M12 7m-2.3 0a2.3 2.3 0 1 0 4.6 0 2.3 2.3 0 1 0-4.6 0M5 18m-1.6 0a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M19 15m-1.6 0a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0',
  undo: 'M9 7 4.5 11.5 9 16M5 11.5h9.5a5 5 0 0 1 0 10H11',
  redo: 'm15 7 4.5 4.5L15 16M19 11.5H9.5a5 5 0 0 0 0 10H13',
};

function glyph(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'line-icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', LINES[name]);
  svg.append(path);
  return svg;
}

export function buildTools(host, desk) {
  const make = (name, label, title, act) => el('button', { type: 'button', class: 'grid-tool', title, data: { tool: name }, on: { click: act } }, glyph(name), el('span', {}, label));
  const choose = (name) => () => desk.setTool(desk.toolName === name ? null : name);
  const modes = {
    split: make('split', '分割', '画一条线，把一个网格切成两个', choose('split')),
    merge: make('merge', '合并', '把相邻的几个网格合成一个', choose('merge')),
    move: make('move', '移动顶点', '拖动网格之间的公共角点', choose('move')),
  };
  const undo = make('undo', '撤销', '撤销（Ctrl+Z）', () => desk.step('undo'));
  const redo = make('redo', '重做', '重做（Ctrl+Y）', () => desk.step('redo'));
  host.replaceChildren(...Object.values(modes), el('span', { class: 'bar' }), undo, redo);
  return {
    update() {
      const may = Boolean(desk.base?.may_draw) && !desk.busy;
      for (const [name, button] of Object.entries(modes)) {
        button.disabled = !may;
        button.setAttribute('aria-pressed', String(desk.toolName === name));
      }
      undo.disabled = !may || !desk.draft?.can_undo;
      redo.disabled = !may || !desk.draft?.can_redo;
    },
  };
}
