/** An answer as a person reads it. */
import { current } from '../../shared/i18n.svelte.ts';
import { separator } from '../labels.ts';

type Words = (code: string) => string;

/** What a checklist calls its options and parts. */
export function wordsFor(template: { words?: unknown } | null): Words {
  const words = (template?.words ?? {}) as Record<string, [string, string]>;
  const common: Record<string, [string, string]> = {
    pass: ['合格', 'Pass'],
    fail: ['不合格', 'Fail'],
    na: ['不适用', 'Not applicable'],
    true: ['是', 'Yes'],
    false: ['否', 'No'],
  };
  return (code) => (words[code] ?? common[code])?.[current.language === 'en' ? 1 : 0] ?? code;
}

export function shown(value: unknown, words: Words): string {
  if (value === null || value === undefined || value === '') return '—';
  if (Array.isArray(value)) return value.map((each) => shown(each, words)).join(separator());
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, part]) => `${words(name)}: ${shown(part, words)}`)
      .join(separator());
  }
  // a photo or a signature is shown beside, its hash tells nobody anything
  return /^[0-9a-f]{64}$/.test(String(value)) ? '✓' : words(String(value));
}
