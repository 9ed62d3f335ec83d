/** Light, dark or sunlight: what the person chose, or what the system prefers. */

export type Theme = 'light' | 'dark' | 'sunlight';
const KEY = 'doorstep.theme';

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  if (kept === 'light' || kept === 'dark' || kept === 'sunlight') return kept;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function wear(chosen: Theme): void {
  localStorage.setItem(KEY, chosen);
  document.documentElement.dataset['theme'] = chosen;
}

/** Called once by each face before it draws anything. */
export function dress(): void {
  document.documentElement.dataset['theme'] = theme();
  document.documentElement.lang = localStorage.getItem('doorstep.language') === 'en' ? 'en' : 'zh-CN';
}
