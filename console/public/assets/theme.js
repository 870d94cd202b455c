// Before the first paint: the theme the person chose, else the system's.
(() => {
  var chosen = null;
  try {
    chosen = localStorage.getItem('godwit.theme');
  } catch (_) {}
  var dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
