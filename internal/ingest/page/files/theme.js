// The colours: those of the system, or the ones that the viewer has chosen. This script runs before the page is drawn, so that it does not flash.
(() => {
  const key = 'impulse-theme';
  const read = () => {
    try {
      return localStorage.getItem(key) ?? 'auto';
    } catch {
      return 'auto'; // Storage may be forbidden.
    }
  };
  let theme = read();
  const apply = () => document.documentElement.setAttribute('data-theme', theme);
  apply();

  // next returns the theme that follows: from that of the system to the other one, and back.
  const next = () => {
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return theme === 'auto' ? (dark ? 'light' : 'dark') : 'auto';
  };
  const names = { auto: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' };

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => { button.textContent = names[theme] ?? names.auto; };
    show();
    button.addEventListener('click', () => {
      theme = next();
      try {
        localStorage.setItem(key, theme);
      } catch {
        // The choice lasts until the page is left.
      }
      apply();
      show();
      document.dispatchEvent(new Event('themechange'));
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('themechange')));
  });
})();
