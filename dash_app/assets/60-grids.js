// Hands what Dash's components report to the desk of the grid page.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  onemapGrids: {
    published: (data) => {
      if (data) window.dispatchEvent(new CustomEvent('onemap:grids-published', { detail: data }));
      return window.dash_clientside.no_update;
    },
    row: (rows) => {
      window.dispatchEvent(new CustomEvent('onemap:grids-row', { detail: rows && rows.length ? rows[0].code : null }));
      return window.dash_clientside.no_update;
    },
  },
});
window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
  // The share of the heaviest grid, as a bar behind the grid's number.
  onemapGridBar: (params) => {
    const share = Math.round(100 * (params.data.share || 0));
    return { backgroundImage: `linear-gradient(90deg, var(--accent-soft) ${share}%, transparent ${share}%)` };
  },
});
