/** What the server refuses, as a sentence that a person reads. */
import { current } from './i18n.svelte.ts';

export interface Problem {
  code: string;
  status: number;
  detail: string;
  detail_zh: string;
  details?: Record<string, unknown>;
}

/** A refused request. `message` is the server's sentence in the language spoken now. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(sentence(problem));
  }
}

/** No answer at all: the server is away, or the network is. */
export const AWAY: Problem = {
  code: 'away',
  status: 0,
  detail: 'The server cannot be reached. Nothing was changed.',
  detail_zh: '无法连接服务器，未做任何更改。',
};

export function sentence(problem: Problem): string {
  const said = current.language === 'en' ? problem.detail : problem.detail_zh;
  const reason = problem.details?.['reason'];
  return typeof reason === 'string' ? `${said} (${reason})` : said;
}

/** Whatever was thrown, as a sentence. */
export function told(error: unknown): string {
  if (error instanceof Refused) return sentence(error.problem);
  return error instanceof Error ? error.message : String(error);
}
