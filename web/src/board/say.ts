import { dictionary } from '../shared/i18n.svelte.ts';
import { en } from './words/en.ts';
import { zh } from './words/zh.ts';

export type Word = keyof typeof zh;
export const say = dictionary(zh, en);
