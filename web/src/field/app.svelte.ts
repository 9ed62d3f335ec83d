/** What the tablet shows: everything here is read from the store, and nothing is shown as saved that
 * the store does not hold. Other tabs say when they changed something. */
import { localDay } from '../shared/time.ts';
import { Clock } from './clock.ts';
import { Drain } from './drain.ts';
import { makeKey } from './keys.ts';
import { said } from './link.ts';
import { type Dispute, type Entry, type Held, type Link, maySignOut, mayTakeBack, pill, shown } from './outbox.ts';
import { waitingPhotos } from './drain.ts';
import { type Deed, type Draft, type Given, type Identity, type Meta, type Photo, Store } from './store.ts';
import type { Fields, Template } from './wire.ts';

const CHANNEL = 'doorstep-field';
const TICK_MS = 20_000;
const ON_SCREEN = ['visit', 'hazard', 'note'] as const;

export type Trouble = 'quota' | 'storage' | null;

export class Field {
  identity = $state.raw<Identity | null>(null);
  records = $state.raw<ReadonlyMap<string, Held>>(new Map());
  entries = $state.raw<readonly Entry[]>([]);
  photos = $state.raw<readonly Photo[]>([]);
  templates = $state.raw<ReadonlyMap<string, Template>>(new Map());
  disputes = $state.raw<readonly Dispute[]>([]);
  packs = $state.raw<Meta['packs']>([]);
  link = $state.raw<Link>({ online: true, sent: 0, total: 0 });
  /** The day at the unit; a tablet stays on overnight. */
  today = $state('');
  locked = $state(false);
  revoked = $state<string | null>(null);
  trouble = $state<Trouble>(null);
  /** Fields that were typed into and are not saved yet: a form with some is never reloaded. */
  dirty = $state.raw<ReadonlySet<string>>(new Set());
  readonly drain: Drain;
  readonly clock = new Clock();
  #channel = new BroadcastChannel(CHANNEL);
  #reading: Promise<void> | null = null;
  #stale = false;
  #captures: Promise<unknown> = Promise.resolve();
  #thumbs = new Map<string, string>();

  constructor(readonly store: Store) {
    this.tick();
    setInterval(() => this.tick(), TICK_MS);
    document.addEventListener('visibilitychange', () => this.tick());
    this.drain = new Drain(store, this.clock, {
      link: (link) => {
        this.link = link;
        if (link.online) this.locked = false;
        this.#channel.postMessage({ link });
      },
      changed: () => this.#changed(),
      locked: () => (this.locked = true),
      revoked: () => this.#changed(),
    });
    this.#channel.onmessage = ({ data }: MessageEvent<{ link?: Link }>) => {
      if (data.link !== undefined) this.link = data.link;
      else void this.read();
    };
  }

  tick(): void {
    this.today = localDay(this.clock.now());
  }

  static async open(name?: string): Promise<Field> {
    const field = new Field(await Store.open(name));
    await field.read();
    return field;
  }

  #changed(): void {
    void this.read();
    this.#channel.postMessage({});
  }

  /** Looks at the store again; asked while it looks, it looks once more. */
  async read(): Promise<void> {
    if (this.#reading !== null) {
      this.#stale = true;
      return this.#reading;
    }
    this.#reading = (async () => {
      do {
        this.#stale = false;
        await this.#read();
      } while (this.#stale);
    })().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const tx = this.store.db.transaction(
      ['meta', 'records', 'outbox', 'photos', 'templates', 'disputes'],
      'readonly',
    );
    const kinds = tx.objectStore('records').index('kind');
    const [identity, revoked, packs, entries, photos, templates, refs, disputes, ...records] =
      await Promise.all([
        tx.objectStore('meta').get('identity') as Promise<Identity | undefined>,
        tx.objectStore('meta').get('revoked') as Promise<string | undefined>,
        tx.objectStore('meta').get('packs') as Promise<Meta['packs'] | undefined>,
        tx.objectStore('outbox').getAll(),
        tx.objectStore('photos').getAll(),
        tx.objectStore('templates').getAll(),
        tx.objectStore('templates').getAllKeys(),
        tx.objectStore('disputes').getAll(),
        ...ON_SCREEN.map((kind) => kinds.getAll(kind)),
      ]);
    // something was captured while this looked: what it saw is old
    if (this.#stale) return;
    this.identity = identity ?? null;
    this.revoked = revoked ?? null;
    this.packs = packs ?? [];
    this.entries = entries;
    this.photos = photos;
    this.templates = new Map(refs.map((ref, place) => [String(ref), templates[place]!]));
    this.disputes = disputes;
    this.records = new Map(records.flat().map((held) => [held.key, held]));
  }

  get files(): Photo[] {
    return waitingPhotos(this.photos);
  }

  /** Photos that the server will not take, until the person has read why. */
  get parked(): Photo[] {
    return this.photos.filter(({ sent, refused, seen }) => !sent && refused !== undefined && !seen);
  }

  get pill() {
    return pill(this.entries, this.link, this.files.length, this.parked.length);
  }

  get maySignOut(): boolean {
    return maySignOut(this.entries, this.files.length, this.parked.length);
  }

  /** Something of a record is only on this tablet. */
  waits(record: string): boolean {
    const ours = ({ operation: o, state }: Entry) =>
      state === 'waiting' && (o.record === record || o.visit === record);
    return this.entries.some(ours) || this.files.some((photo) => photo.record === record);
  }

  shown(record: string): Fields {
    return shown(this.records.get(record), this.entries, record);
  }

  /** Visits, those made on the spot and not sent yet too. */
  get visits(): { key: string; fields: Fields; held: Held | undefined }[] {
    const made = this.entries
      .filter(({ operation }) => operation.kind === 'create' && operation.record_kind === 'visit')
      .map(({ operation }) => operation.record);
    const held = [...this.records.values()].filter(({ kind }) => kind === 'visit');
    const keys = new Set([...held.map(({ key }) => key), ...made]);
    return [...keys].map((key) => ({ key, fields: this.shown(key), held: this.records.get(key) }));
  }

  /** The premises of a visit, for what is made on the spot there. */
  premisesOf(record: string): string | undefined {
    const made = this.entries.find(({ operation: o }) => o.kind === 'create' && o.record === record);
    return this.records.get(record)?.premises ?? made?.operation.premises;
  }

  /** Hazards that a technician wrote down on a visit, those not sent yet or refused too: a danger
   * that the server did not take is one all the same. */
  hazardsOf(visit: string): { key: string; fields: Fields }[] {
    const made = this.entries
      .filter(({ operation: o }) => o.record_kind === 'hazard' && o.kind === 'create')
      .filter(({ operation: o }) => o.visit === visit)
      .map(({ operation }) => operation.record);
    const held = [...this.records.values()].filter((e) => e.kind === 'hazard' && e.visit === visit);
    const keys = new Set([...held.map(({ key }) => key), ...made]);
    return [...keys].map((key) => ({ key, fields: this.shown(key) }));
  }

  /** Durable first, shown after; one at a time, so that each builds on what the one before said. A
   * tablet that has no room says so and keeps what is typed. */
  capture(deeds: readonly Deed[] | (() => readonly Deed[]), given: Given = {}): Promise<boolean> {
    const start = performance.now();
    const turn = this.#captures.then(() =>
      this.#capture(typeof deeds === 'function' ? deeds() : deeds, given, start),
    );
    this.#captures = turn;
    return turn;
  }

  mayTakeBack(record: string, said: string): boolean {
    return mayTakeBack(this.records.get(record), this.entries, record, said);
  }

  /** In its turn: what is captured next builds on what is left. */
  takeBack(record: string, said: string): Promise<unknown> {
    this.#captures = this.#captures.then(async () => {
      await this.store.takeBack(record, said).catch((error: unknown) => this.#unsaved(error));
      this.#channel.postMessage({});
      await this.read();
    });
    return this.#captures;
  }

  async #capture(deeds: readonly Deed[], given: Given, start: number): Promise<boolean> {
    try {
      const done = await this.store.capture(deeds, this.clock.moment(), given);
      performance.measure('durable', { start });
      this.#stale = true;
      this.entries = [...this.entries, ...done.map((operation) => ({ operation, state: 'waiting' as const }))];
    } catch (error) {
      return this.#unsaved(error);
    }
    if (this.trouble !== null) this.trouble = null;
    const { record } = deeds[0]!;
    const files = (given.files ?? []).map(({ bytes: _kept, ...each }) => ({ ...each, record, sent: false }));
    const names = new Set(files.map(({ sha256 }) => sha256));
    if (files.length > 0) this.photos = [...this.photos.filter((e) => !names.has(e.sha256)), ...files];
    this.#channel.postMessage({});
    void this.drain.wake();
    return true;
  }

  #unsaved(error: unknown): false {
    const full = error instanceof DOMException && error.name === 'QuotaExceededError';
    this.trouble = full ? 'quota' : 'storage';
    return false;
  }

  /** What is put together and not confirmed yet survives too. */
  async drafted(place: string, draft: Draft): Promise<boolean> {
    try {
      await this.store.db.put('drafts', draft, place);
      return true;
    } catch (error) {
      return this.#unsaved(error);
    }
  }

  /** `fields` may be made of what is shown when its turn comes. */
  answer(record: string, fields: Fields | ((now: Fields) => Fields), given: Given = {}) {
    return this.capture(() => {
      const now = this.shown(record);
      const { template } = now;
      const said = typeof fields === 'function' ? fields(now) : fields;
      return [
        { record, kind: 'patch', fields: said, ...(template ? { template: String(template) } : {}) },
      ];
    }, given);
  }

  command(record: string, command: string, fields: Fields = {}) {
    return this.capture([{ record, kind: 'command', command, fields }]);
  }

  async enrol(code: string, label: string): Promise<void> {
    const key = await makeKey();
    const next = (await this.store.meta('next_n')) ?? 1;
    const unsent = (await this.store.entries()).map(({ operation }) => operation.n);
    const wish = {
      code,
      label,
      ...(key === null ? {} : { public_key: key.public_key }),
      // it was another tablet before: that one's numbers are no gap of this one
      ...(next > 1 ? { first_n: Math.min(next, ...unsent) } : {}),
    };
    const given = await said<Identity>('/api/v1/devices/enrol', wish);
    const { tablet, technician, technician_name, access, refresh, epoch } = given;
    const identity = { tablet, technician, technician_name, access, refresh, epoch };
    if (key !== null) await this.store.set('key', key);
    // what an earlier enrolment left unsent goes out under this one
    await this.store.beginAgain(identity);
    await this.store.db.delete('meta', 'revoked');
    void navigator.storage?.persist?.();
    this.locked = false;
    await this.read();
    void this.drain.wake();
  }

  async dismissDispute(key: string): Promise<void> {
    await this.store.db.delete('disputes', key);
    this.#changed();
  }

  async dismiss(n: number): Promise<void> {
    await this.store.dismiss(n);
    this.#changed();
  }

  async settlePhoto(sha256: string, change: Partial<Photo>): Promise<void> {
    await this.store.settlePhoto(sha256, change);
    this.#changed();
    void this.drain.wake();
  }

  touch(place: string, dirty: boolean): void {
    if (this.dirty.has(place) === dirty) return;
    const now = new Set(this.dirty);
    if (dirty) now.add(place);
    else now.delete(place);
    this.dirty = now;
  }

  /** A picture that this tablet holds, as an address for an image. */
  async picture(sha256: string, small = true): Promise<string | null> {
    const thumb = small ? this.photos.find((each) => each.sha256 === sha256)?.thumb : undefined;
    const name = thumb ?? sha256;
    const known = this.#thumbs.get(name);
    if (known !== undefined) return known;
    const bytes = await this.store.db.get('blobs', name);
    if (bytes === undefined) return null;
    const address = URL.createObjectURL(new Blob([bytes]));
    this.#thumbs.set(name, address);
    return address;
  }
}
