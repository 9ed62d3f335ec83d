import { zh as shared } from '../../shared/words/zh.ts';
import { deskZh } from './desk.zh.ts';
import { labelsZh } from './labels.zh.ts';
import { mainZh } from './main.zh.ts';
import { rulesZh } from './rules.zh.ts';
import { toldZh } from './told.zh.ts';

export const zh = { ...shared, ...mainZh, ...labelsZh, ...rulesZh, ...deskZh, ...toldZh } as const;
