/** Only in the test build (web/vite.hook.ts): the very modules of the face, driven at random against
 * a model, over a network that loses requests and answers, repeats and delays them. */
import { Clock } from './clock.ts';
import { Drain, LOCK } from './drain.ts';
import { Away, Refusal, said } from './link.ts';
import { shown } from './outbox.ts';
import { named } from './photo.ts';
import { type Deed, type Identity, Store } from './store.ts';

const QUIET = { link() {}, changed() {}, locked() {}, revoked() {} };

class Install {
  clock = new Clock();
  drains: Drain[];

  private constructor(
    readonly name: string,
    readonly store: Store,
  ) {
    this.drains = [new Drain(store, this.clock, QUIET)];
  }

  static async open(name: string): Promise<Install> {
    return new Install(name, await Store.open(name));
  }

  async enrol(code: string): Promise<void> {
    const given = await said<Identity>('/api/v1/devices/enrol', { code, label: this.name });
    const { tablet, technician, technician_name, access, refresh, epoch } = given;
    await this.store.beginAgain({ tablet, technician, technician_name, access, refresh, epoch });
  }

  async note(record: string, text: string) {
    const deed: Deed = { record, kind: 'patch', fields: { note: text } };
    const [operation] = await this.store.capture([deed], this.clock.moment());
    return operation!;
  }

  async photo(record: string, size: number) {
    const bytes = new Uint8Array(await picture(size));
    const file = await named(bytes.buffer, 'image/jpeg', 'original', this.clock.now());
    const deed: Deed = { record, kind: 'patch', fields: { notice: [file.sha256] } };
    const [operation] = await this.store.capture([deed], this.clock.moment(), { files: [file] });
    return operation!;
  }

  /** True when everything was said and heard. */
  async exchange(): Promise<boolean> {
    try {
      await navigator.locks.request(LOCK + this.name, () => this.drains[0]!.once());
      return true;
    } catch (error) {
      if (error instanceof Away) return false;
      if (error instanceof Refusal) throw new Error(`${error.code} ${error.trouble.status}`);
      throw error;
    }
  }

  close(): void {
    this.store.db.close();
  }
}

async function picture(side: number): Promise<ArrayBuffer> {
  const canvas = new OffscreenCanvas(side, side);
  const brush = canvas.getContext('2d')!;
  const pixels = brush.createImageData(side, side);
  crypto.getRandomValues(pixels.data as unknown as Uint8Array<ArrayBuffer>);
  brush.putImageData(pixels, 0, 0);
  return (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer();
}

/** What the network does to the next request. */
type Weather = 'fine' | 'away' | 'reply_lost' | 'twice' | 'late' | 'cut';
const sky = { weather: (): Weather => 'fine', bad: 0 };
const real = globalThis.fetch.bind(globalThis);

globalThis.fetch = async (path, init) => {
  const weather = sky.weather();
  if (weather !== 'fine') sky.bad += 1;
  if (weather === 'away') throw new TypeError('away');
  // a body may be sent twice: it is a string or bytes, never a stream
  if (weather === 'twice') await real(path, init).then((reply) => reply.arrayBuffer());
  if (weather === 'late') await new Promise((done) => setTimeout(done, 5));
  const reply = await real(path, init);
  if (weather === 'reply_lost') {
    await reply.arrayBuffer();
    throw new TypeError('reply lost');
  }
  if (weather === 'cut' && reply.ok && reply.status !== 204) {
    const body = await reply.text();
    return new Response(body.slice(0, body.length / 2), { status: reply.status, headers: reply.headers });
  }
  return reply;
};

/** Numbers from a seed (mulberry32). */
function dice(seed: number): () => number {
  let at = seed >>> 0;
  return () => {
    at = (at + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(at ^ (at >>> 15), at | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Walked {
  ids: string[];
  bad: number;
  crashes: number;
  exchanges: number;
  trouble: string;
}

/** One walk: deeds, weather, crashes and second tabs at random; then it heals, and what is shown is
 * what was said last. */
async function walk(install: { now: Install }, seed: number, steps: number): Promise<Walked> {
  const roll = dice(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(roll() * list.length)]!;
  const visits = (await install.now.store.db.getAllFromIndex('records', 'kind', 'visit')).slice(0, 6);
  const model = new Map<string, string>();
  const walked: Walked = { ids: [], bad: 0, crashes: 0, exchanges: 0, trouble: '' };
  const share = roll() * 0.7;
  sky.bad = 0;
  sky.weather = () =>
    roll() < share ? pick(['away', 'reply_lost', 'twice', 'late', 'cut'] as const) : 'fine';
  for (let step = 0; step < steps; step += 1) {
    const chance = roll();
    const { key } = pick(visits);
    if (chance < 0.55) {
      const text = `${seed}.${step}`;
      walked.ids.push((await install.now.note(key, text)).id);
      model.set(key, text);
    } else if (chance < 0.58) {
      walked.ids.push((await install.now.photo(key, 8)).id);
    } else if (chance < 0.86) {
      walked.exchanges += 1;
      await install.now.exchange();
    } else if (chance < 0.93) {
      // the tab dies in the middle of an exchange, and another one opens
      const dying = install.now.exchange().catch(() => false);
      install.now.close();
      await dying;
      install.now = await Install.open(install.now.name);
      walked.crashes += 1;
    } else {
      // a second tab wants to send at the same time
      const other = await Install.open(install.now.name);
      await Promise.all([install.now.exchange(), other.exchange()]);
      other.close();
      walked.exchanges += 2;
    }
  }
  walked.bad = sky.bad;
  sky.weather = () => 'fine';
  for (let round = 0; round < 5 && !(await install.now.exchange()); round += 1);
  const { store } = install.now;
  const left = await store.entries();
  if (left.length > 0) walked.trouble = `${left.length} left: ${JSON.stringify(left[0])}`;
  for (const [key, text] of model) {
    const held = await store.db.get('records', key);
    const said = shown(held, left, key)['note'];
    if (said !== text) walked.trouble = `${key} shows ${String(said)}, said ${text}`;
  }
  return walked;
}

Object.assign(globalThis, { doorstep: { Install, walk, sky } });
