// The tool bar of the grid desk: what can be done now, and how.
import { el, symbol } from './dom.mjs';

export const hints = {
  split: '沿分割线逐点单击，两端点在网格边界上（自动吸附）或画出边界；双击或按回车结束。',
  merge: '单击要合并的网格，至少两个相邻的；再按“合并”或回车。',
  move: '拖动角点，或拖动边界上任一处生出新角点；单击选中角点后可删除。社区外边界不能移动。',
};

export function buildTools(host, desk) {
  const make = (name, label, title, act) => el('button', { type: 'button', class: 'grid-tool', title, data: { tool: name }, on: { click: act } }, symbol(name), el('span', {}, label));
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
