/** Where a tablet keeps everything. A word is durable (strict transaction, together with its place in
 * the outbox) before anybody is told that it is saved. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Dispute, Entry, Held } from './outbox.ts';
import { disputes, keep, mayTakeBack, nextBatch, sayNow, settle, shown, without } from './outbox.ts';
import type { FieldValue, Fields, Healing, Operation, SyncAnswer, Template } from './wire.ts';

export type Lane = 'signature' | 'thumbnail' | 'original';
export const LANES: readonly Lane[] = ['signature', 'thumbnail', 'original'];
/** Operations kept after they were acknowledged, to be offered again after a restore. */
const REMEMBERED_MAX = 5_000;
/** Photos that were sent stay this long, so that they can be shown, and offered again. */
const KEPT_DAYS = 7;

/** A file that an answer names. `upload` is where its upload goes on after a cut. */
export interface Photo {
  sha256: string;
  media_type: string;
  lane: Lane;
  size: number;
  at: string;
  record: string;
  thumb?: string;
  upload?: string;
  sent: boolean;
  refused?: string;
  /** The person has read that it was refused. */
  seen?: boolean;
}

/** A photo with its bytes, before it is kept. */
export type Taken = Omit<Photo, 'record' | 'sent'> & { bytes: ArrayBuffer };

/** What is filled in but becomes one word only when it is confirmed: it survives, and is not sent. */
export interface Draft {
  parts: Record<string, FieldValue>;
  files: Taken[];
}

export interface Identity {
  tablet: string;
  technician: string;
  technician_name: string;
  access: string;
  refresh: string;
  epoch: string;
}

export interface Meta {
  identity: Identity;
  key: { public_key: string; private_key: CryptoKey };
  cursor: string;
  next_n: number;
  urgent: string[];
  healed: number;
  revoked: string;
  packs: { grid: string; until: string; records: number }[];
  instrument: { instrument: string; calibration_due: string };
}

interface Shelves extends DBSchema {
  meta: { key: string; value: unknown };
  records: { key: string; value: Held; indexes: { kind: string } };
  outbox: { key: number; value: Entry };
  acknowledged: { key: number; value: Operation };
  photos: { key: string; value: Photo };
  blobs: { key: string; value: ArrayBuffer };
  templates: { key: string; value: Template };
  disputes: { key: string; value: Dispute };
  drafts: { key: string; value: Draft };
}

const SHELVES = [
  'meta', 'records', 'outbox', 'acknowledged', 'photos', 'blobs', 'templates', 'disputes', 'drafts',
] as const; // prettier-ignore
export const DATABASE = 'doorstep-field';
const STRICT: IDBTransactionOptions = { durability: 'strict' };

/** What is done on the tablet, before it has a number and a place in time. */
export type Deed = Pick<Operation, 'record' | 'kind'> &
  Partial<Omit<Operation, 'id' | 'n' | 'base' | 'observed_at' | 'uptime_ms' | 'boot'>>;

/** What goes with a deed: a hurry, the files it names, and the draft that it was put together in. */
export interface Given {
  urgent?: boolean;
  files?: readonly Taken[];
  draft?: string;
}

export interface Moment {
  observed_at: string;
  uptime_ms: number;
  boot: string;
}

export class Store {
  constructor(readonly db: IDBPDatabase<Shelves>) {}

  static async open(name = DATABASE): Promise<Store> {
    const db = await openDB<Shelves>(name, 1, {
      upgrade(fresh) {
        for (const shelf of ['meta', 'acknowledged', 'blobs', 'drafts'] as const) {
          fresh.createObjectStore(shelf);
        }
        fresh.createObjectStore('records', { keyPath: 'key' }).createIndex('kind', 'kind');
        fresh.createObjectStore('outbox', { keyPath: 'operation.n' });
        fresh.createObjectStore('photos', { keyPath: 'sha256' });
        fresh.createObjectStore('disputes', { keyPath: 'key' });
        fresh.createObjectStore('templates');
      },
      blocking: (_now, _then, event) => (event.target as IDBDatabase).close(),
    });
    return new Store(db);
  }

  async meta<K extends keyof Meta>(key: K): Promise<Meta[K] | undefined> {
    return (await this.db.get('meta', key)) as Meta[K] | undefined;
  }

  async set<K extends keyof Meta>(key: K, value: Meta[K]): Promise<void> {
    const tx = this.db.transaction('meta', 'readwrite', STRICT);
    await Promise.all([tx.store.put(value, key), tx.done]);
  }

  /** What is done goes to the end of the outbox, with the versions that were on screen, with the
   * photos it names, and in the place of its draft: all of it or nothing. */
  async capture(deeds: readonly Deed[], moment: Moment, given: Given = {}): Promise<Operation[]> {
    const { urgent = false, files = [], draft } = given;
    const shelves = ['meta', 'outbox', 'records', 'photos', 'blobs', 'drafts'] as const;
    const least = files.length > 0 || draft !== undefined ? shelves : shelves.slice(0, 3);
    const tx = this.db.transaction(least, 'readwrite', STRICT);
    const meta = tx.objectStore('meta');
    const [next = 1, hurry = [], ...held] = await Promise.all([
      meta.get('next_n') as Promise<number | undefined>,
      meta.get('urgent') as Promise<string[] | undefined>,
      ...deeds.map(({ record }) => tx.objectStore('records').get(record)),
    ]);
    const done = deeds.map((deed, place) => numbered(deed, moment, next + place, held[place]));
    const first = done[0]!.record;
    const writes: Promise<unknown>[] = [
      ...done.map((operation) => tx.objectStore('outbox').put({ operation, state: 'waiting' })),
      meta.put(next + done.length, 'next_n'),
    ];
    if (urgent && !hurry.includes(first)) writes.push(meta.put([...hurry, first], 'urgent'));
    for (const { bytes, ...file } of files) {
      writes.push(tx.objectStore('blobs').put(bytes, file.sha256));
      writes.push(tx.objectStore('photos').put({ ...file, record: first, sent: false }));
    }
    if (draft !== undefined) writes.push(tx.objectStore('drafts').delete(draft));
    // nothing is asked of what was written: it may become durable at once
    tx.commit();
    await Promise.all([...writes, tx.done]);
    return done;
  }

  /** A photo or a part is taken back, with its file, unless a word that names it has left meanwhile. */
  async takeBack(record: string, said: string): Promise<void> {
    const tx = this.db.transaction(['outbox', 'records', 'photos', 'blobs'], 'readwrite', STRICT);
    const outbox = tx.objectStore('outbox');
    const entries = await outbox.getAll();
    if (mayTakeBack(await tx.objectStore('records').get(record), entries, record, said)) {
      const ours = entries.filter(({ operation }) => operation.record === record);
      for (const entry of ours) void outbox.put(without(entry, said));
      const photo = await tx.objectStore('photos').get(said);
      for (const file of photo === undefined ? [] : [said, photo.thumb ?? said]) {
        void tx.objectStore('photos').delete(file);
        void tx.objectStore('blobs').delete(file);
      }
    }
    await tx.done;
  }

  /** What goes out next, noted before it leaves: from then on its bytes stay as they are. */
  async outgoing(limit: number): Promise<{ sent: Operation[]; unsent: number }> {
    const tx = this.db.transaction(['outbox', 'meta'], 'readwrite', STRICT);
    const outbox = tx.objectStore('outbox');
    const entries = await outbox.getAll();
    const urgent = ((await tx.objectStore('meta').get('urgent')) as string[] | undefined) ?? [];
    const sent = nextBatch(entries, limit, new Set(urgent));
    const ids = new Set(sent.map(({ id }) => id));
    for (const entry of entries) {
      if (ids.has(entry.operation.id) && !entry.sent) void outbox.put({ ...entry, sent: true });
    }
    await tx.done;
    const waiting = entries.filter(({ state }) => state === 'waiting').length;
    return { sent, unsent: waiting - sent.length };
  }

  /** Outcomes, records and the cursor that speaks of them become durable together. `alone`: the
   * answer brings no records, so what was said is shown as it was said until they come. */
  async take(
    sent: readonly Operation[],
    answer: SyncAnswer,
    alone = false,
  ): Promise<{ more: boolean }> {
    const tx = this.db.transaction(SHELVES, 'readwrite', STRICT);
    const [meta, records, outbox] = [
      tx.objectStore('meta'), tx.objectStore('records'), tx.objectStore('outbox'),
    ] as const; // prettier-ignore
    const before = await outbox.getAll();
    const after = settle(before, sent, answer.outcomes ?? []);
    const left = new Map(after.map((entry) => [entry.operation.n, entry]));
    for (const entry of before) {
      const now = left.get(entry.operation.n);
      if (now === undefined) {
        void outbox.delete(entry.operation.n);
        void tx.objectStore('acknowledged').put(entry.operation, entry.operation.n);
      } else if (now !== entry) void outbox.put(now);
    }
    const known = new Map<string, Held>();
    if (alone) {
      for (const operation of sent.filter(({ n }) => !left.has(n))) {
        const { record } = operation;
        const held = sayNow(known.get(record) ?? (await records.get(record)), operation);
        known.set(record, held);
        void records.put(held);
      }
    }
    for (const change of answer.changes ?? []) {
      if (change.deleted) {
        void records.delete(change.record);
        continue;
      }
      const held = keep(known.get(change.record) ?? (await records.get(change.record)), change);
      known.set(change.record, held);
      void records.put(held);
    }
    const waiting = new Set(after.filter((e) => e.state === 'waiting').map((e) => e.operation.record));
    for (const gone of answer.forget ?? []) {
      const held = await records.get(gone);
      // what was captured on it is still in the outbox: it stays, frozen, until that is sent
      if (held !== undefined && waiting.has(gone)) void records.put({ ...held, frozen: true });
      else {
        void records.delete(gone);
        void tx.objectStore('drafts').delete(draftsOf(gone));
      }
    }
    for (const { record } of sent) {
      const held = known.get(record) ?? (await records.get(record));
      if (held?.frozen && !waiting.has(record)) void records.delete(record);
      else if (held !== undefined) known.set(record, held);
    }
    for (const each of disputes(sent, answer.outcomes ?? [], known)) {
      void tx.objectStore('disputes').put(each);
    }
    if (!answer.more && !alone) await sweepStale(records);
    const urgent = ((await meta.get('urgent')) as string[] | undefined) ?? [];
    void meta.put(urgent.filter((each) => waiting.has(each)), 'urgent');
    if (answer.cursor !== '') void meta.put(answer.cursor, 'cursor');
    await trim(tx.objectStore('acknowledged'));
    await tx.done;
    return { more: answer.more === true || after.some(({ state }) => state === 'waiting') };
  }

  /** The server is another life of the database: it hears everything again, and so do we. What it
   * knows already answers as a duplicate; a photo that it has costs nothing. */
  async beginAgain(identity?: Identity): Promise<void> {
    const tx = this.db.transaction(SHELVES, 'readwrite', STRICT);
    const known = await tx.objectStore('acknowledged').getAll();
    for (const operation of known) {
      void tx.objectStore('outbox').put({ operation, state: 'waiting', sent: true });
    }
    void tx.objectStore('acknowledged').clear();
    for (const photo of await tx.objectStore('photos').getAll()) {
      const { upload: _gone, ...fresh } = photo;
      if ((await tx.objectStore('blobs').getKey(photo.sha256)) !== undefined) {
        void tx.objectStore('photos').put({ ...fresh, sent: false });
      }
    }
    // shown until everything has been heard again, then what did not come is gone
    for (const held of await tx.objectStore('records').getAll()) {
      void tx.objectStore('records').put({ ...held, stale: true });
    }
    void tx.objectStore('meta').put('', 'cursor');
    if (identity !== undefined) void tx.objectStore('meta').put(identity, 'identity');
    await tx.done;
  }

  /** Everything on the tablet is gone, the key of the install too. */
  async forget(): Promise<void> {
    const tx = this.db.transaction(SHELVES, 'readwrite', STRICT);
    await Promise.all([...SHELVES.map((shelf) => tx.objectStore(shelf).clear()), tx.done]);
  }

  /** The person has read why it was refused; the office holds it with its bytes. */
  async dismiss(n: number): Promise<void> {
    const tx = this.db.transaction('outbox', 'readwrite', STRICT);
    if ((await tx.store.get(n))?.state === 'refused') await tx.store.delete(n);
    await tx.done;
  }

  /** Which version of each record is held. */
  async versions(): Promise<Record<string, number>> {
    return Object.fromEntries((await this.db.getAll('records')).map((e) => [e.key, e.version]));
  }

  /** Records as the server holds them take the place of what was wrong here. */
  async heal(answer: Healing): Promise<void> {
    const tx = this.db.transaction(['records', 'drafts'], 'readwrite', STRICT);
    const records = tx.objectStore('records');
    for (const change of answer.changes ?? []) void records.put(keep(undefined, change));
    for (const gone of answer.forget ?? []) {
      void records.delete(gone);
      void tx.objectStore('drafts').delete(draftsOf(gone));
    }
    await tx.done;
  }

  /** A refused photo: read by the person, or tried once more. */
  async settlePhoto(sha256: string, change: Partial<Photo>): Promise<void> {
    const tx = this.db.transaction('photos', 'readwrite', STRICT);
    const photo = await tx.store.get(sha256);
    if (photo !== undefined) await tx.store.put({ ...photo, ...change });
    await tx.done;
  }

  async entries(): Promise<Entry[]> {
    return this.db.getAll('outbox');
  }

  async shown(record: string): Promise<Fields> {
    const [held, entries] = await Promise.all([this.db.get('records', record), this.entries()]);
    return shown(held, entries, record);
  }

  /** Originals that were sent long ago make room. */
  async prune(now: Date): Promise<void> {
    const before = new Date(now.getTime() - KEPT_DAYS * 86_400_000).toISOString();
    const tx = this.db.transaction(['photos', 'blobs'], 'readwrite');
    for (const photo of await tx.objectStore('photos').getAll()) {
      if (!photo.sent || photo.at >= before) continue;
      void tx.objectStore('photos').delete(photo.sha256);
      void tx.objectStore('blobs').delete(photo.sha256);
    }
    await tx.done;
  }
}

function numbered(deed: Deed, moment: Moment, n: number, held: Held | undefined): Operation {
  const base: Record<string, number> = {};
  for (const field of Object.keys(deed.fields ?? {})) {
    const seen = held?.versions[field];
    if (seen !== undefined && deed.kind !== 'command') base[field] = seen;
  }
  return { id: uuid7(), n, ...deed, ...(Object.keys(base).length > 0 ? { base } : {}), ...moment };
}

/** Drafts of the pages of a record. */
export function draftsOf(record: string): IDBKeyRange {
  return IDBKeyRange.bound(`${record}/`, `${record}/\uffff`);
}

async function sweepStale(records: {
  getAll(): Promise<Held[]>;
  delete(key: string): Promise<void>;
}): Promise<void> {
  for (const held of await records.getAll()) if (held.stale) void records.delete(held.key);
}

async function trim(acknowledged: {
  count(): Promise<number>;
  getAllKeys(query: null, count: number): Promise<number[]>;
  delete(key: number): Promise<void>;
}): Promise<void> {
  const over = (await acknowledged.count()) - REMEMBERED_MAX;
  if (over <= 0) return;
  for (const key of await acknowledged.getAllKeys(null, over)) void acknowledged.delete(key);
}

/** A UUIDv7: its first 48 bits are the time, so ids sort as they were made. */
export function uuid7(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let place = 5; place >= 0; place -= 1) {
    bytes[place] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
