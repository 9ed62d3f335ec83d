import { en as shared } from '../../shared/words/en.ts';
import type { zh } from './zh.ts';

export const en: Record<keyof typeof zh, string> = {
  ...shared,
  board: 'Dispatch board',
};
