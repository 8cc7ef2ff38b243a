// Printing a map: its picture is copied while it is still in the drawing buffer, with title, moment and legend around it.
import { el } from './dom.mjs';

export function attachPrinting(owner) {
  let sheet = null;

  const before = () => {
    owner.map.redraw();
    const source = owner.map.getCanvas();
    const copy = el('canvas', { class: 'print-map' });
    copy.width = source.width;
    copy.height = source.height;
    copy.getContext('2d').drawImage(source, 0, 0);
    const scope = document.querySelector('.scope-chip')?.textContent ?? '';
    const keys = [...document.querySelectorAll('.switcher .layer-row:not(.off)')].map((row) => el(
      'span', { class: 'print-key' }, row.querySelector('.swatch')?.cloneNode() ?? '', row.querySelector('label span').textContent,
    ));
    const legend = [...document.querySelectorAll('.switcher .layer-legend')].map((list) => list.cloneNode(true));
    sheet = el(
      'section', { class: 'print-sheet' },
      el('header', {}, el('h1', {}, `社区一张图 · ${scope}`), el('span', {}, owner.element.querySelector('.map-note')?.textContent ?? '')),
      copy, el('footer', {}, el('div', { class: 'print-keys' }, keys), ...legend),
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
