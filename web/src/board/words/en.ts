import { en as shared } from '../../shared/words/en.ts';
import { deskEn } from './desk.en.ts';
import { labelsEn } from './labels.en.ts';
import { mainEn } from './main.en.ts';
import { rulesEn } from './rules.en.ts';
import { toldEn } from './told.en.ts';
import type { zh } from './zh.ts';

export const en: Record<keyof typeof zh, string> = { ...shared, ...mainEn, ...labelsEn, ...rulesEn, ...deskEn, ...toldEn };
