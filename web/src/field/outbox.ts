/** What a tablet remembers and how it changes: values only, no storage, no network, no clock.
 * The same rules and names as the reference tablet (runtime/outbox.py). */
import { UNPROVEN } from './gas.ts';
import type { Change, FieldValue, Fields, Operation, Outcome, RecordKind } from './wire.ts';

export const BATCH = 100;
/** The server takes bodies of 2 MiB; a character is up to three bytes. */
const BODY_MAX = 1_500_000;
const UTF8_MAX = 3;

/** `sent` once it may have reached the server: from then on its bytes stay as they are. */
export interface Entry {
  operation: Operation;
  state: 'waiting' | 'refused';
  sent?: boolean;
  code?: string;
}

/** A record as the server last showed it; versions by field. `frozen`: it went to somebody else and
 * stays only until what was captured on it is sent. */
export interface Held {
  key: string;
  kind: RecordKind;
  version: number;
  fields: Fields;
  versions: Record<string, number>;
  visit?: string;
  premises?: string;
  stale?: boolean;
  frozen?: boolean;
}

/** Whether the last request succeeded, and how far the exchange that runs is. */
export interface Link {
  online: boolean;
  sent: number;
  total: number;
}

/** A word of ours beside another one that counts now: the person says which is right. */
export interface Dispute {
  key: string;
  record: string;
  field: string;
  mine: FieldValue;
  theirs: FieldValue;
  version: number;
  outcome: string;
  code?: string;
  at: string;
}

/** What the user sees: the server's last word, and over it what is still in the outbox. Never
 * stored: a word that the server merged otherwise is gone from here with its outcome. */
export function shown(held: Held | undefined, entries: readonly Entry[], record: string): Fields {
  const fields: Fields = { ...held?.fields };
  for (const { operation, state } of entries) {
    // what was made here and refused stays to be seen until its reason was read
    const stays = state !== 'refused' || (held === undefined && operation.kind === 'create');
    if (operation.record === record && stays) speak(fields, operation);
  }
  return fields;
}

function speak(fields: Fields, operation: Operation): void {
  if (operation.kind === 'create' && operation.record_kind === 'visit') {
    Object.assign(fields, { state: 'dispatched', template: operation.template ?? null });
  }
  if (operation.kind === 'command') fields['state'] = operation.command ?? null;
  else Object.assign(fields, operation.fields);
}

/** A record with a word that the server took without showing what became of it: until it does, the
 * word stays on the screen. */
export function sayNow(held: Held | undefined, operation: Operation): Held {
  const { record, record_kind: kind = 'visit', visit, premises } = operation;
  const known = held ?? {
    key: record, kind, version: 0, fields: {}, versions: {},
    ...(visit === undefined ? {} : { visit }),
    ...(premises === undefined ? {} : { premises }),
  }; // prettier-ignore
  const fields = { ...known.fields };
  speak(fields, operation);
  return { ...known, fields };
}

const names = (value: FieldValue | undefined, said: string) => JSON.stringify(value ?? null).includes(said);

/** Whether a photo or a part (`said`, as JSON writes it) is only in words that never left. */
export function mayTakeBack(held: Held | undefined, entries: readonly Entry[], record: string, said: string) {
  const about = entries.filter(
    ({ operation: o }) => o.record === record && Object.values(o.fields ?? {}).some((each) => names(each, said)),
  );
  const known = Object.values(held?.fields ?? {}).some((each) => names(each, said));
  return !known && about.length > 0 && about.every((each) => !each.sent && each.state === 'waiting');
}

/** A word that never left, without what was taken back from its lists; it keeps its number. */
export function without(entry: Entry, said: string): Entry {
  const fields = Object.fromEntries(
    Object.entries(entry.operation.fields ?? {}).map(([field, value]) => {
      if (!Array.isArray(value) || !names(value, said)) return [field, value];
      const left = (value as FieldValue[]).filter((each) => !names(each, said));
      return [field, left.length > 0 ? left : null];
    }),
  ) as Fields;
  return { ...entry, operation: { ...entry.operation, fields } };
}

/** Operations to send now: those on `urgent` records first, each record's in the order they were
 * done; parked ones stay behind. Never more than one body may hold, and never nothing. */
export function nextBatch(
  entries: readonly Entry[],
  limit = BATCH,
  urgent: ReadonlySet<string> = new Set(),
): Operation[] {
  const waiting = entries.filter((entry) => entry.state === 'waiting').map((e) => e.operation);
  const late = (one: Operation) => (urgent.has(one.record) ? 0 : 1);
  const ordered = waiting.sort((a, b) => late(a) - late(b) || a.n - b.n).slice(0, limit);
  let room = BODY_MAX;
  const over = ordered.findIndex((each, place) => {
    room -= JSON.stringify(each).length * UTF8_MAX;
    return place > 0 && room < 0;
  });
  return over < 0 ? ordered : ordered.slice(0, over);
}

/** One outcome per operation, matched by id, else by its place. */
export function told(sent: readonly Operation[], outcomes: readonly Outcome[]) {
  const known = new Map<string, Outcome>();
  outcomes.forEach((said, place) => {
    const id = said.id ?? sent[said.index ?? place]?.id;
    if (id !== undefined) known.set(id, said);
  });
  return known;
}

/** What became of an operation, now or when it first came: the first answer may have been lost. */
function became(said: Outcome): string {
  return said.outcome === 'duplicate' ? (said.code ?? 'duplicate') : said.outcome;
}

/** The outbox after an answer. An operation without an outcome keeps waiting; its id makes sending
 * it again harmless. One that was refused is parked with its reason and stands in nobody's way. */
export function settle(
  entries: readonly Entry[],
  sent: readonly Operation[],
  outcomes: readonly Outcome[],
): Entry[] {
  const said = told(sent, outcomes);
  const settled = sent.filter(({ id }) => said.has(id)).sort((a, b) => a.n - b.n);
  const ids = new Set(settled.map(({ id }) => id));
  const kept = entries.flatMap((entry): Entry[] => {
    const outcome = ids.has(entry.operation.id) ? said.get(entry.operation.id) : undefined;
    if (outcome === undefined) return [entry];
    if (became(outcome) !== 'quarantined') return [];
    return [{ ...entry, state: 'refused', code: outcome.code ?? 'unknown' }];
  });
  return settled.reduce((left, done) => rebase(left, done, said.get(done.id)), kept);
}

/** Later operations on the same field build on the version their predecessor was given.
 *
 * Only after `applied`: a merged or disputed value was never on this screen, so claiming to have
 * seen it would let the next answer overwrite a colleague's. And only what was never sent: the
 * server may hold the bytes of the others, and knows by their author what they had seen. */
export function rebase(entries: readonly Entry[], done: Operation, said?: Outcome): Entry[] {
  if (said?.outcome !== 'applied') return [...entries];
  return entries.map((entry) => {
    const later = entry.operation;
    if (entry.sent || later.record !== done.record || later.n <= done.n) return entry;
    const base = { ...later.base };
    let moved = false;
    for (const field of Object.keys(done.fields ?? {})) {
      if (!(field in (later.fields ?? {}))) continue;
      base[field] = Math.max(base[field] ?? 0, said.versions?.[field] ?? said.version ?? 0);
      moved = true;
    }
    return moved ? { ...entry, operation: { ...later, base } } : entry;
  });
}

/** A record after a change that the server told. */
export function keep(known: Held | undefined, change: Change): Held {
  const fresh = known === undefined || change.whole === true;
  const held: Held = {
    key: change.record,
    kind: change.kind ?? 'visit',
    version: change.version,
    fields: fresh ? {} : { ...known.fields },
    versions: fresh ? {} : { ...known.versions },
  };
  const visit = change.visit ?? known?.visit;
  const premises = change.premises ?? known?.premises;
  if (visit !== undefined) held.visit = visit;
  if (premises !== undefined) held.premises = premises;
  for (const [name, value] of Object.entries(change.fields ?? {})) {
    held.fields[name] = value;
    held.versions[name] = change.versions?.[name] ?? change.version;
  }
  for (const name of change.removed ?? []) {
    delete held.fields[name];
    delete held.versions[name];
  }
  return held;
}

/** Words of ours that were taken in beside another value, which counts now. */
export function disputes(
  sent: readonly Operation[],
  outcomes: readonly Outcome[],
  records: ReadonlyMap<string, Held>,
): Dispute[] {
  const said = told(sent, outcomes);
  return sent.flatMap((operation) => {
    const outcome = said.get(operation.id);
    const held = records.get(operation.record);
    if (outcome === undefined || !['merged', 'conflict'].includes(became(outcome))) return [];
    const words: Fields =
      operation.kind === 'command' ? { state: operation.command ?? null } : (operation.fields ?? {});
    return Object.entries(words).flatMap(([field, mine]): Dispute[] => {
      const theirs = outcome.code === UNPROVEN ? 'suspended' : (held?.fields[field] ?? null);
      if (held === undefined || covers(theirs, mine)) return [];
      return [
        {
          key: `${operation.record}/${field}`,
          record: operation.record,
          field,
          mine,
          theirs,
          version: held.versions[field] ?? held.version,
          outcome: became(outcome),
          ...(outcome.code === undefined ? {} : { code: outcome.code }),
          at: operation.observed_at,
        },
      ];
    });
  });
}

/** Whether a value says everything that another one says: equal, or a union that holds it. */
export function covers(whole: FieldValue, part: FieldValue): boolean {
  if (Array.isArray(whole) && Array.isArray(part)) {
    const held = new Set(whole.map((each) => JSON.stringify(each)));
    return part.every((each) => held.has(JSON.stringify(each)));
  }
  if (isParts(whole) && isParts(part)) {
    return Object.entries(part).every(([name, value]) => covers(whole[name] ?? null, value));
  }
  return whole === part;
}

function isParts(value: FieldValue): value is Record<string, string[]> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Pill =
  | { state: 'all_sent' }
  | { state: 'sending'; sent: number; total: number }
  | { state: 'offline'; waiting: number }
  | { state: 'refused'; count: number };

/** The pill is derived each time, never stored: a stored one can lie after a crash. `online` is
 * whether the last request succeeded; `files` are photos that wait, `parked` those that were refused
 * and that nobody has looked at. */
export function pill(entries: readonly Entry[], link: Link, files = 0, parked = 0): Pill {
  const refused = entries.filter((entry) => entry.state === 'refused').length;
  const waiting = entries.length - refused + files;
  const count = refused + parked;
  if (count > 0) return { state: 'refused', count };
  if (waiting === 0) return { state: 'all_sent' };
  if (!link.online) return { state: 'offline', waiting };
  return { state: 'sending', sent: link.sent, total: Math.max(link.total, link.sent + waiting) };
}

/** Signing out is refused while anything, what is parked too, is only on this tablet. */
export function maySignOut(entries: readonly Entry[], files = 0, parked = 0): boolean {
  return entries.length === 0 && files === 0 && parked === 0;
}
