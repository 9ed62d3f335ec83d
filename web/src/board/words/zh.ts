import { zh as shared } from '../../shared/words/zh.ts';

export const zh = {
  ...shared,
  board: '派工台',
} as const;
