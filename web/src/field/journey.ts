/** The way of a visit on a tablet (work_order_lifecycle.yaml): which step comes next, which ends
 * are open, and what a no-access visit has to prove. */
import type { Fields } from './wire.ts';

export type Step = 'accepted' | 'en_route' | 'on_site' | 'in_progress' | 'field_done';
export type End = 'no_access' | 'refused' | 'not_done' | 'suspended';

const NEXT: Record<string, Step> = {
  dispatched: 'en_route',
  accepted: 'en_route',
  en_route: 'on_site',
  on_site: 'in_progress',
  suspended: 'in_progress',
  returned: 'in_progress',
  in_progress: 'field_done',
};
const ENDS: Record<string, End[]> = {
  on_site: ['no_access', 'refused', 'not_done'],
  in_progress: ['refused', 'not_done', 'suspended'],
};
const DONE = new Set([
  'field_done', 'no_access', 'refused', 'not_done', 'under_review', 'closed', 'cancelled',
]); // prettier-ignore

export const stateOf = (fields: Fields): string => String(fields['state'] ?? 'dispatched');
export const nextStep = (state: string): Step | null => NEXT[state] ?? null;
export const ends = (state: string): End[] => ENDS[state] ?? [];
export const isOver = (state: string): boolean => DONE.has(state);
export const mayAnswer = (state: string): boolean => state === 'in_progress' || state === 'on_site';

/** Visits of the route in their order: what is open by its hour, then what is done. */
export function route<T extends { fields: Fields }>(visits: readonly T[]): T[] {
  const place = (each: T) => `${isOver(stateOf(each.fields)) ? 1 : 0}${each.fields['starts_at'] ?? '~'}`;
  return [...visits].sort((a, b) => place(a).localeCompare(place(b)));
}

export type Band = 'morning' | 'afternoon' | 'evening' | 'weekend';

/** When to try again after nobody opened: at least a day later and in another band; an evening or
 * weekend where the first try was in working hours (hazard_grades.yaml, no_access_policy). */
export function nextAttempt(now: Date, band: Band): { day: string; band: Band } {
  const local = new Date(now.getTime() + 8 * 3600_000);
  const ahead = band === 'weekend' ? (13 - local.getUTCDay()) % 7 || 7 : 1;
  local.setUTCDate(local.getUTCDate() + ahead);
  return { day: local.toISOString().slice(0, 10), band };
}

/** The band of an instant, in the unit's local time. */
export function bandOf(now: Date): Band {
  const local = new Date(now.getTime() + 8 * 3600_000);
  if ([0, 6].includes(local.getUTCDay())) return 'weekend';
  if (local.getUTCHours() >= 18) return 'evening';
  return local.getUTCHours() < 12 ? 'morning' : 'afternoon';
}

/** What all addresses of a day begin with says nothing: it is left out, up to a place name's end. */
export function commonStart(addresses: readonly string[]): string {
  if (addresses.length < 2) return '';
  let common = addresses.reduce((start, each) => {
    let length = 0;
    while (length < start.length && start[length] === each[length]) length += 1;
    return start.slice(0, length);
  });
  // never into a number or the middle of a name
  while (common !== '' && !/[省市区县镇乡村街道路]$/.test(common)) common = common.slice(0, -1);
  return common;
}
