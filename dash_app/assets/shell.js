// Client callbacks of the frame. Classic script: Dash looks functions up in window.dash_clientside.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.onemapShell = {
  toggleTheme(clicks, theme) {
    return clicks ? (theme === 'light' ? 'dark' : 'light') : window.dash_clientside.no_update;
  },

  // The theme stands on the document element, for style sheets, and goes to modules as an event.
  applyTheme(theme) {
    const name = window.onemapTheme(theme);
    document.documentElement.dataset.theme = name;
    document.documentElement.dataset.agThemeMode = name === 'light' ? 'light' : 'dark-blue';
    window.dispatchEvent(new CustomEvent('onemap:theme', { detail: name }));
    return name;
  },

  title(reader) {
    document.title = reader && reader.title ? `${reader.title} · 社区一张图` : '社区一张图';
    return window.dash_clientside.no_update;
  },

  async signOut(clicks) {
    if (clicks) {
      await fetch('/api/v1/session', { method: 'DELETE', headers: { 'X-Requested-With': 'onemap' } });
      window.location.assign('/sign-in');
    }
    return window.dash_clientside.no_update;
  },
};

window.dash_clientside.onemapTable = {
  // The day in the file's name. AG Grid itself begins the file with a byte order mark, so that Excel reads it as UTF-8.
  exportCsv(clicks, params) {
    const none = window.dash_clientside.no_update;
    if (!clicks) return [none, none];
    const name = String(params?.fileName ?? '表格').replace(/(_\d{8})?\.csv$/, '');
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    return [true, { ...params, fileName: `${name}_${day}.csv` }];
  },
};

window.dash_clientside.onemapMap = {
  // Where the opened profile lies: outlined, and brought into sight unless the click was on the map itself.
  async place(place) {
    const api = await window.onemapReady;
    api.selection.show('map', place ?? null);
    return window.dash_clientside.no_update;
  },
};
