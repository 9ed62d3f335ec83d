import { zh as shared } from '../../shared/words/zh.ts';
import { labelsZh } from './labels.zh.ts';
import { mainZh } from './main.zh.ts';

export const zh = { ...shared, ...mainZh, ...labelsZh } as const;
