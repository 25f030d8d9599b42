/// <reference lib="dom" preserve="true" />

const KEY = 'evenhand-theme';

/** The button that changes between light and dark. */
export function themeButton(): void {
  const root = document.documentElement;
  const button = document.getElementById('theme')!;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = (): boolean => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const show = (): void => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-pressed', String(isDark()));
  };
  const remembered = remember();
  if (remembered === 'dark' || remembered === 'light') root.dataset.theme = remembered;
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    remember(root.dataset.theme);
    show();
  });
  system.addEventListener('change', show);
  show();
}

/** A page that is opened as a file may have no storage. */
function remember(value?: string): string | null {
  try {
    if (value !== undefined) localStorage.setItem(KEY, value);
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
