// Hands the page's data and the chosen row to modules/score_map.mjs, which may start before or after them.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  onemapScores: {
    shown: (data) => {
      window.onemapScores = data;
      window.dispatchEvent(new CustomEvent('onemap:scores', { detail: data }));
      return window.dash_clientside.no_update;
    },
    row: (rows) => {
      if (rows && rows.length) window.dispatchEvent(new CustomEvent('onemap:scores-row', { detail: rows[0].place }));
      return window.dash_clientside.no_update;
    },
  },
});
window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
  // A bar of the value beside its number, with a tick at the target.
  onemapScoreBar: (params) => {
    const { share, target, value } = params.data;
    if (value === null) return {};
    const tick = `${(100 * target).toFixed(1)}%`;
    const end = `${(100 * Math.max(0, share)).toFixed(1)}%`;
    return {
      backgroundImage: `linear-gradient(90deg, transparent calc(${tick} - 2px), var(--text) calc(${tick} - 2px), var(--text) ${tick}, transparent ${tick}), linear-gradient(90deg, var(--bar) ${end}, var(--line) ${end})`,
    };
  },
  // Counts are links; they are sorted by the number behind the link.
  onemapScoreCount: (a, b, name) => a.data.n[name] - b.data.n[name],
});
