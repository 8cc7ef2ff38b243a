// A half-written report outlives a lost line, a reload and a slip of the thumb: it is kept in the session of this tab and
// nowhere else, and goes with a key of its own, so that a report whose answer was lost is not made twice.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.onemapDraft = (() => {
  const KEPT = 'onemap:case-draft';
  const stay = () => window.dash_clientside.no_update;
  const lost = () => document.documentElement.dataset.line === 'lost' || !navigator.onLine;

  function read() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT)) || null;
    } catch {
      return null;
    }
  }

  // randomUUID exists on secure origins only; an intranet may not have one.
  const fresh = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

  function mark() {
    const open = document.getElementById('case-report-open');
    if (open) open.classList.toggle('has-draft', Boolean(read()));
  }

  function say(text) {
    const place = document.getElementById('case-unsent');
    if (!place) return;
    place.hidden = !text;
    place.textContent = text;
  }

  // Keeps what is written; gives the key that the report will be sent with.
  function keep(matter, description, address, channel, point) {
    const empty = !matter && !(description || '').trim() && !(address || '').trim() && !point;
    if (empty) {
      sessionStorage.removeItem(KEPT);
      say('');
      mark();
      return null;
    }
    const before = read();
    const key = before ? before.key : fresh();
    sessionStorage.setItem(KEPT, JSON.stringify({ matter, description, address, channel, point, key }));
    mark();
    return key;
  }

  // What was written before, when the form opens; what stands in it already is newer.
  function restore(opened, matter, description, address, _channel, point) {
    mark();
    const draft = read();
    const nothing = Array.from({ length: 6 }, stay);
    if (!opened || !draft) return nothing;
    if (matter || description || address || point) return nothing;
    const { point: at } = draft;
    const said = at ? `位置：${at[0].toFixed(6)}，${at[1].toFixed(6)}（可再次点选更改）` : stay();
    return [draft.matter ?? null, draft.description ?? '', draft.address ?? '', draft.channel ?? stay(), at ?? null, said];
  }

  // Without a line nothing is sent, and it is said; Dash alone would stay silent.
  document.addEventListener('click', (event) => {
    if (!lost()) return;
    const send = event.target.closest && event.target.closest('#case-submit');
    const act = event.target.closest && event.target.closest('.case-buttons button');
    if (!send && !act) return;
    event.preventDefault();
    event.stopPropagation();
    if (send) say('没有网络，尚未提交。所填内容已保存在本机，连接恢复后请再按“提交上报”。');
    else {
      const note = { action: 'show', id: `line-${Date.now()}`, title: '没有网络，尚未办理。', message: '请在连接恢复后再按一次。', color: 'red', autoClose: 6000 };
      window.dash_clientside.set_props('toasts', { sendNotifications: [note] });
    }
  }, true);

  window.addEventListener('onemap:line', ({ detail }) => {
    if (!detail.alive) return;
    const place = document.getElementById('case-unsent');
    if (place && !place.hidden) say('连接已恢复，请按“提交上报”。');
    // The list anew; but not while somebody writes at a case, whose form would be drawn anew with it.
    const note = document.getElementById('case-note');
    const writing = note && note.offsetParent !== null && note.value;
    if (document.getElementById('case-table') && !writing) window.dash_clientside.set_props('case-version', { data: Date.now() });
  });

  return { keep, restore, mark: () => { mark(); return stay(); } };
})();
