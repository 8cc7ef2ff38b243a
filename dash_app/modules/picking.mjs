// What lies under the pointer: a word while hovering, a selection on click.
// Style layers that can be picked carry metadata["onemap:kind"]; features carry id, and name where they have one.

// Among areas the deepest wins (of regions the one with the longest key); points and lines win over areas.
const RANK = ['room', 'building_unit', 'building', 'grid', 'region'];

function kindOf(feature) {
  const { metadata } = feature.layer;
  const field = metadata?.['onemap:kind-field'];
  return (field && feature.properties[field]) || metadata?.['onemap:kind'] || null;
}

function rank(feature) {
  if (feature.geometry.type.endsWith('Point')) return 0;
  if (feature.geometry.type.endsWith('LineString')) return 1;
  const place = RANK.indexOf(kindOf(feature));
  const key = String(feature.properties.id ?? feature.properties.place ?? '');
  return 2 + (place < 0 ? 0 : place) - Math.min(key.length, 50) / 100;
}

export function pick(owner, point, reach = 4) {
  const box = [[point.x - reach, point.y - reach], [point.x + reach, point.y + reach]];
  const features = owner.map.queryRenderedFeatures(box).filter((feature) => kindOf(feature) !== null);
  features.sort((a, b) => rank(a) - rank(b));
  return features[0] ?? null;
}

export function attachPicking(owner) {
  const { map, element } = owner;
  const tip = document.createElement('div');
  tip.className = 'map-tip';
  tip.hidden = true;
  element.append(tip);

  let planned = null;
  const look = (event) => {
    planned = null;
    if (owner.busy) return hide();
    const feature = pick(owner, event.point, 2);
    map.getCanvas().style.cursor = feature ? 'pointer' : '';
    const word = feature && (feature.properties.name ?? feature.properties.label ?? feature.properties.title);
    if (!word && !feature?.properties.n) return hide(feature);
    tip.textContent = word ?? `${feature.properties.n} 处，点击放大`;
    tip.hidden = false;
    tip.style.transform = `translate(${event.point.x + 14}px, ${event.point.y + 14}px)`;
  };
  const hide = (feature) => {
    tip.hidden = true;
    if (!feature) map.getCanvas().style.cursor = '';
  };
  map.on('mousemove', (event) => {
    if (planned === null) requestAnimationFrame(() => planned && look(planned));
    planned = event;
  });
  map.on('mouseout', () => { planned = null; hide(); });
  map.on('movestart', () => hide());

  map.on('click', (event) => {
    if (owner.busy) return; // a drawing tool has the pointer
    const touch = event.originalEvent.pointerType === 'touch';
    const feature = pick(owner, event.point, touch ? 14 : 5);
    owner.emit('click', { at: event.lngLat.toArray() });
    if (!feature) {
      owner.select(null);
      return;
    }
    const { properties } = feature;
    const id = properties.id ?? feature.id;
    if (id === undefined || id === null) {
      // An aggregate of a low zoom: go nearer until it falls apart.
      owner.flyTo({ center: event.lngLat.toArray(), zoom: map.getZoom() + 2 });
      return;
    }
    owner.select({ kind: kindOf(feature), id: String(id), from: 'map', at: event.lngLat.toArray() });
  });
  window.addEventListener('keydown', onEscape);
  owner.on('close', () => window.removeEventListener('keydown', onEscape));

  // Esc closes what lies on top: the room sheet first, then the selection.
  function onEscape(event) {
    if (event.key !== 'Escape' || event.defaultPrevented || owner.busy) return;
    const sheet = document.querySelector('.sheet-drawer:not([hidden]) .close-sheet');
    if (sheet) sheet.click();
    else if (owner.state.selection) owner.select(null);
  }
}
