import { lateDictionary } from '../shared/i18n.svelte.ts';
import { zh } from './words/zh.ts';

export type Word = keyof typeof zh;
export const say = lateDictionary<Word>(zh, async () => (await import('./words/en.ts')).en);
