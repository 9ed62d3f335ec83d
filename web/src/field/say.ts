import { current, lateDictionary } from '../shared/i18n.svelte.ts';
import type { FieldValue, Item, Template } from './wire.ts';
import { isFile, isParts } from './checklist.ts';
import { zh } from './words/zh.ts';

export type Word = keyof typeof zh;
export const say = lateDictionary<Word>(zh, async () => (await import('./words/en.ts')).en);

/** A word whose key is made of data; what nobody has a word for is shown as it is. */
export function sayOr(key: string, otherwise: string): string {
  return key in zh ? say(key as Word) : otherwise;
}

const spoken = () => current.language === 'en';

export const nameOf = (item: Item): string => (spoken() ? item.en : item.zh);
export const titleOf = (template: Template): string =>
  spoken() ? template.name_en : template.name_zh;

/** What an option or part of a checklist is called. */
export function wordOf(template: Template | undefined, code: string): string {
  const words = template?.words[code];
  return words === undefined ? sayOr(code, code) : words[spoken() ? 1 : 0];
}

/** A value as a person reads it. */
export function valueOf(template: Template | undefined, value: FieldValue | undefined): string {
  if (value === null || value === undefined || value === '') return '—';
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no');
  if (isFile(value)) return say('photos_have', { have: 1 });
  if (typeof value === 'string') return sayOr(`state_${value}`, wordOf(template, value));
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isFile)) return say('photos_have', { have: value.length });
    return value.map((each) => valueOf(template, each as FieldValue)).join(spoken() ? ', ' : '、');
  }
  if (isParts(value)) {
    return Object.entries(value)
      .map(([name, part]) => `${wordOf(template, name)}: ${valueOf(template, part as FieldValue)}`)
      .join(spoken() ? '; ' : '；');
  }
  return String(value);
}

export const kindOf = (kind: unknown): string => sayOr(`kind_${String(kind)}`, say('kind_other'));
export const stateWord = (state: string): string => sayOr(`state_${state}`, state);
export const codeOf = (code = ''): string => sayOr(`code_${code}`, say('code_other', { code }));
