/** Codes that few pages show, as people say them; an unknown one is shown as it is. */
import { dictionary } from '../../shared/i18n.svelte.ts';
import { type Family, label } from '../labels.ts';
import { rareEn } from '../words/rare.en.ts';
import { rareZh } from '../words/rare.zh.ts';

const say = dictionary(rareZh, rareEn);
const PARTS: Record<string, Family> = {
  calendar: 'layer', case: 'said', commitment: 'said', day: 'change', hazard: 'hazard', outage: 'step',
  revoked: 'tablet',
}; // prettier-ignore

export function rare(family: 'audit' | 'code' | 'conflict' | 'field' | 'gas' | 'part' | 'policy' | 'why', code: string): string {
  const key = `${family}_${code}`;
  return key in rareZh ? say(key as keyof typeof rareZh) : code;
}

/** What became of a tablet's word, by its code. */
export function coded(code: string): string {
  const known = rare('code', code);
  return known === code ? rare('conflict', rare('policy', code)) : known;
}

/** An action of the audit: its own word, or that of its subject beside what was done to it. */
export function audited(action: string): string {
  const [about = '', what = ''] = action.split('.');
  const family = PARTS[about];
  const known = rare('audit', action);
  return known !== action || family === undefined ? known : `${rare('audit', about)} · ${label(family, what)}`;
}

/** Why a value does not count any more: it was changed, or what stands by its policy. */
export function why(reason: string): string {
  const known = rare('why', reason);
  return known === reason ? rare('policy', reason.replace('outranked_by_', '')) : known;
}
