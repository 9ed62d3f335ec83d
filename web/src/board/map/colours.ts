/** The theme's colours for a canvas, which knows no custom properties. */
import type { Colours } from './paint.ts';

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const kinds = new Map<string, string>();
  return {
    ground: token('sunken'),
    ink: token('ink'),
    soft: token('ink-soft'),
    line: token('line'),
    surface: token('surface'),
    bad: token('bad'),
    warn: token('warn'),
    focus: token('focus'),
    kinds: (kind) => {
      const known = kinds.get(kind) ?? (token(`kind-${kind}`) || token('kind-other'));
      kinds.set(kind, known);
      return known;
    },
  };
}
