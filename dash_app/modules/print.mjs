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
    const on = new Set(owner.state.layers);
    const swatch = (item) => el('span', { class: `swatch ${item.symbol ?? 'circle'}`, style: { '--swatch': item.colour } });
    const keys = (owner.layerInfo ?? []).filter((layer) => on.has(layer.id)).map((layer) => el(
      'span', { class: 'print-key' }, el('b', {}, layer.title), (layer.legend?.items ?? []).flatMap((item) => [swatch(item), item.label]),
    ));
    sheet = el(
      'section', { class: 'print-sheet' },
      el('header', {}, el('h1', {}, `社区一张图 · ${scope}`), el('span', {}, owner.element.querySelector('.map-note')?.textContent ?? '')),
      copy, el('footer', { class: 'print-keys' }, keys),
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
