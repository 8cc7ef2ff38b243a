// Exports of tables. What is written into a CSV file is read by Excel, WPS or LibreOffice, which take a text that begins like a
// formula for one: `=cmd|'/C calc'!A0` in the title of a case would be run where the file is opened. Such a text gets an
// apostrophe in front, by which those programs know a text.
(() => {
  // First what they skip (blanks, quotes, separators), then what begins a formula; also the full-width forms, which their Chinese
  // editions read alike.
  const FORMULA = /^[\s\u0000-\u001f\u3000\ufeff"'`“”‘’,;:|，；]*[=+\-@＝＋－＠]/;
  const BEGINS_A_CELL = /^[\t\r]/;
  // Numbers and coordinates stay what they are, and so does the dash that stands for nothing.
  const NUMBERS = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?%?([,，;\s]+[+-]?\d+(\.\d+)?)*$/;
  const plain = (shown) => {
    if (typeof shown !== 'string' || shown === '-' || NUMBERS.test(shown)) return shown;
    return FORMULA.test(shown) || BEGINS_A_CELL.test(shown) ? `'${shown}` : shown;
  };

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    onemapPlainText: plain,
    onemapPlainCell: (params) => {
      if (typeof params.value === 'number') return params.value;
      return plain(params.formatValue ? params.formatValue(params.value) : params.value);
    },
    onemapPlainHeading: (params) => plain(params.api.getDisplayNameForColumn(params.column, 'csv')),
  });
})();
