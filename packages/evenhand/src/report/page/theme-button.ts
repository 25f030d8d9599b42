/// <reference lib="dom" preserve="true" />

const KEY = 'evenhand-theme';

/** Lets the reader switch between light and dark. */
export function enableThemeButton(): void {
  const root = document.documentElement;
  const button = document.getElementById('theme')!;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = (): boolean => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const show = (): void => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-pressed', String(isDark()));
  };
  const remembered = rememberTheme();
  if (remembered === 'dark' || remembered === 'light') root.dataset.theme = remembered;
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    rememberTheme(root.dataset.theme);
    show();
  });
  system.addEventListener('change', show);
  show();
}

/** Stores the theme if one is given, and returns the stored one; null if the browser has no storage for the page. */
function rememberTheme(value?: string): string | null {
  try {
    if (value !== undefined) localStorage.setItem(KEY, value);
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
