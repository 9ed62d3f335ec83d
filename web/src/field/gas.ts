/** How the gas stands where a visit is: what was said on it, beside what holds for the premises. */
import type { Dispute, Entry, Held } from './outbox.ts';
import type { Fields } from './wire.ts';

export const SUPPLY = 'supply';
export const UNPROVEN = 'restored_without_recheck';
/** The higher, the more closed. */
const STATES = ['on', 'suspended_notice_served', 'isolated_appliance', 'isolated_premises', 'suspended'];

/** Whether a word about the gas waits, and one that was heard and not believed. */
export interface Spoken {
  waits: boolean;
  unproven: Dispute | undefined;
}

function named(stored: unknown): string {
  const state = String(stored ?? 'on').split(':')[0]!;
  return state === 'off' ? 'suspended' : state;
}

/** Our own word as long as only we know it; then the more closed of both, unless the premises were
 * told later. What was opened without proof counts as off until the office decides. */
export function stands(
  { fields, held, open }: { fields: Fields; held: Held | undefined; open: boolean },
  { waits, unproven }: Spoken,
): string {
  const own = named(fields[SUPPLY]);
  if (waits) return own;
  const there = open || fields[SUPPLY] == null ? named(fields['supply_state']) : 'on';
  const told = (name: string) => held?.versions[name] ?? 0;
  const later = open && told('supply_state') > told(SUPPLY);
  const state = later || STATES.indexOf(there) > STATES.indexOf(own) ? there : own;
  const since = Math.max(told(SUPPLY), told('supply_state'));
  return state === 'on' && unproven !== undefined && since <= unproven.version ? 'suspended' : state;
}

export function spoken(record: string, entries: readonly Entry[], disputes: readonly Dispute[]): Spoken {
  return {
    waits: entries.some(({ operation: o }) => o.record === record && SUPPLY in (o.fields ?? {})),
    unproven: disputes.find((each) => each.record === record && each.code === UNPROVEN),
  };
}
