// Printing a map: its picture is copied while it is still in the drawing buffer, with title, moment, scale and legend
// around it; beside it what is opened (a case, a profile), or after it the rows of the page's table.
// The page says what belongs to it: print = {title, table, panel} among the options of its map.
import { el } from './dom.mjs';
import { sections, swatch } from './map_legend.mjs';

// Forms, buttons and what was revealed of a person stay on the screen.
const NOT_PRINTED = 'button:not(.count-tile), form, input, textarea, .case-form, .case-done, .reveal, .profile-actions, .profile-list, .profile-crumbs, .sheet-grip, [hidden]';

export function attachPrinting(owner) {
  const { title = '社区一张图', table, panel } = owner.options.print ?? {};
  let sheet = null;
  owner.map.once('idle', () => owner.describeLayers().catch(() => {}));

  const before = () => {
    const scope = document.querySelector('.scope-chip')?.textContent ?? '';
    const opened = panel ? document.querySelector(panel) : null;
    const side = opened && !opened.hidden ? opened.cloneNode(true) : null;
    side?.querySelectorAll(NOT_PRINTED).forEach((element) => element.remove());
    const keys = sections(owner, owner.layerInfo ?? []).map((section) => el(
      'span', { class: 'print-key' }, el('b', {}, section.title),
      section.items.map((item) => el('span', {}, swatch(item), item.label)), section.note ? el('i', {}, section.note) : null,
    ));
    sheet = el(
      'section', { class: 'print-sheet' },
      el(
        'div', { class: 'print-page' },
        el('header', {}, el('h1', {}, `${title} · ${scope}`), el('span', {}, owner.element.querySelector('.map-note')?.textContent ?? '')),
        el('div', { class: 'print-body' }, picture(owner), side ? el('div', { class: 'print-side' }, side.children.length ? [...side.childNodes] : side) : null),
        el('footer', { class: 'print-keys' }, keys),
      ),
      table && !side ? rowsOf(table, title) : null,
    );
    document.body.append(sheet);
  };
  const after = () => {
    sheet?.remove();
    sheet = null;
  };
  window.addEventListener('beforeprint', before);
  window.addEventListener('afterprint', after);
  owner.on('close', () => {
    window.removeEventListener('beforeprint', before);
    window.removeEventListener('afterprint', after);
    after();
  });
}

// The map's picture with its scale drawn in: paper keeps the two together at any size.
function picture(owner) {
  owner.map.redraw();
  const source = owner.map.getCanvas();
  const copy = el('canvas', { class: 'print-map' });
  copy.width = source.width;
  copy.height = source.height;
  const pen = copy.getContext('2d');
  pen.drawImage(source, 0, 0);
  const bar = owner.element.querySelector('.maplibregl-ctrl-scale');
  if (bar?.offsetWidth) {
    const unit = source.width / source.clientWidth;
    const [left, low, wide, high] = [12, source.clientHeight - 12, bar.offsetWidth, 20].map((number) => number * unit);
    pen.fillStyle = 'rgba(255, 255, 255, .85)';
    pen.fillRect(left, low - high, wide, high);
    pen.strokeStyle = '#000';
    pen.lineWidth = 1.5 * unit;
    pen.beginPath();
    for (const [index, [x, y]] of [[left, low - high / 2], [left, low], [left + wide, low], [left + wide, low - high / 2]].entries()) {
      if (index) pen.lineTo(x, y);
      else pen.moveTo(x, y);
    }
    pen.stroke();
    pen.fillStyle = '#000';
    pen.font = `${12 * unit}px "Noto Sans CJK SC", sans-serif`;
    pen.textAlign = 'center';
    pen.fillText(bar.textContent, left + wide / 2, low - 6 * unit);
  }
  return copy;
}

// The rows of a table as they are filtered and sorted, in the words that stand in its cells.
function rowsOf(id, title) {
  const api = window.dash_ag_grid?.getApi?.(id);
  if (!api?.getDisplayedRowCount()) return null;
  const columns = api.getColumns(); // those that the screen has no room for too, as in an export
  const plain = (text) => String(text ?? '').replace(/^\[(.*)\]\(.*\)$/, '$1'); // a link prints as its text
  const rows = [];
  api.forEachNodeAfterFilterAndSort((node) => rows.push(el('tr', {}, columns.map((column) => el('td', { class: column.getColDef().type ?? '' }, plain(api.getCellValue({ rowNode: node, colKey: column, useFormatter: true })))))));
  const heads = columns.map((column) => el('th', { class: column.getColDef().type ?? '' }, api.getDisplayNameForColumn(column, null)));
  return el('table', { class: 'print-table' }, el('caption', {}, `${title}：${rows.length.toLocaleString()} 行`), el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows));
}
