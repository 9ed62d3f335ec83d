/** An inspection made on the spot: at a door of a village that was taken along, or beside a repair. */
import type { Field } from './app.svelte.ts';
import { isOver, stateOf } from './journey.ts';
import type { Deed } from './store.ts';
import type { Fields } from './wire.ts';

/** Checklists of visits that are made on the spot, by class of premises. */
export const SPOT: Record<string, string> = {
  resident: 'RES-INSP@2026.1',
  rural_piped: 'RURAL-PRE@2026.1',
};
const COPIED = ['account', 'address', 'latitude', 'longitude'] as const;
const INSPECTIONS = ['inspection', 'inspection_booking'];

/** An inspection at the door of an account that this tablet holds and that is not over. */
export function openInspection(field: Field, account: unknown): string | undefined {
  if (account === undefined || account === null) return undefined;
  return field.visits.find(
    ({ fields }) =>
      INSPECTIONS.includes(String(fields['kind'])) &&
      !isOver(stateOf(fields)) &&
      fields['account'] === account,
  )?.key;
}

/** What makes an inspection: at premises that were taken along, or at those of another visit. */
export function made(field: Field, door: Pick<Deed, 'premises' | 'visit'>, home: Fields): Deed {
  const known = COPIED.filter((name) => home[name] !== undefined && home[name] !== null);
  return {
    record: crypto.randomUUID(),
    kind: 'create',
    record_kind: 'visit',
    ...door,
    template: SPOT[String(home['customer_class'])] ?? SPOT['resident']!,
    fields: {
      ...Object.fromEntries(known.map((name) => [name, home[name]!])),
      kind: 'inspection',
      on_day: field.today,
    },
  };
}
