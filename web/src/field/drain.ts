/** One exchange at a time, by one tab: what is safety goes first, then answers, small pictures,
 * photos. What an answer changes is durable before the next request leaves. */
import type { Clock } from './clock.ts';
import { sha256 } from './keys.ts';
import { Away, Refusal, asked, said } from './link.ts';
import { BATCH, type Link } from './outbox.ts';
import { SPOT } from './spot.ts';
import { LANES, type Identity, type Photo, type Store } from './store.ts';
import { upload } from './upload.ts';
import type { Healing, SyncAnswer, Template } from './wire.ts';

export const LOCK = 'doorstep-field-drain';
const WAIT_MS = [2_000, 4_000, 8_000, 15_000, 30_000, 60_000];
const POLL_MS = 60_000;
const CAREFUL = 20;
const HEAL_MS = 86_400_000;
/** As many records as one request may name. */
const HEAL_MAX = 5_000;
const HEAL_TURNS = 20;
/** Nothing but a person changes these; the photo is parked and the others go on. */
const PHOTO_CODES = [
  'photo_type', 'photo_dimensions', 'upload_too_long', 'invalid_field', 'hash_mismatch',
]; // prettier-ignore

export interface Told {
  link(link: Link): void;
  changed(): void;
  locked(): void;
  revoked(): void;
}

export class Drain {
  readonly link: Link = { online: true, sent: 0, total: 0 };
  #running: Promise<void> | null = null;
  #again = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly store: Store,
    readonly clock: Clock,
    readonly tell: Told,
  ) {}

  /** Sends and hears soon; asked during a run, it runs once more. */
  wake(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    clearTimeout(this.#timer);
    this.#running = this.#turns().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** There is reason to believe that the network is back: not after the long wait that many failures
   * ended in. */
  hurry(): Promise<void> {
    this.#failures = 0;
    return this.wake();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #turns(): Promise<void> {
    let wait = 0;
    do {
      this.#again = false;
      try {
        await navigator.locks.request(LOCK, () => this.once());
        this.#failures = 0;
      } catch (error) {
        wait = Math.max(wait, this.#failed(error));
      }
    } while (this.#again && wait === 0);
    if (wait >= 0) this.#timer = setTimeout(() => void this.wake(), wait || POLL_MS);
  }

  #failed(error: unknown): number {
    if (error instanceof Refusal && error.code === 'not_signed_in') {
      this.tell.locked();
      // what waits cannot be sent: nobody is told that it is on its way
      this.#connected(false);
      return -1;
    }
    // whatever else went wrong: nothing is lost, and it is tried again after a while
    if (!(error instanceof Away) && !(error instanceof Refusal)) console.warn(error);
    this.#connected(false);
    const wait = WAIT_MS[Math.min(this.#failures, WAIT_MS.length - 1)]!;
    this.#failures += 1;
    return Math.max(wait, error instanceof Away ? error.waitSeconds * 1000 : 0);
  }

  #connected(online: boolean): void {
    this.link.online = online;
    if (!online) Object.assign(this.link, { sent: 0, total: 0 });
    this.tell.link({ ...this.link });
  }

  /** Everything there is to say and to hear, under the lock of all tabs. */
  async once(): Promise<void> {
    if ((await this.store.meta('identity')) === undefined) return;
    if ((await this.store.meta('revoked')) !== undefined) return this.#lastWord();
    this.link.sent = 0;
    try {
      // where there is doubt the network is asked before anything is said to it: what never left can be
      // taken back, and an answer given offline costs one transaction only
      let sure = navigator.onLine && (this.link.online || (await this.#careful()));
      while (await this.#signed((who) => this.#exchange(who, sure))) sure = true;
      await this.#templates();
      await this.#heal();
      while (await this.#signed((who) => this.#nextPhoto(who))) {
        // an answer that was given meanwhile goes before the next photo
        while ((await this.#waiting()) && (await this.#signed((who) => this.#exchange(who, true))));
      }
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'tablet_revoked')) throw error;
      await this.store.set('revoked', 'frozen');
      this.tell.revoked();
      await this.#lastWord();
    }
    Object.assign(this.link, { sent: 0, total: 0 });
    this.tell.link({ ...this.link });
  }

  /** A request with a token that is good; days offline end the access token, not the other one. */
  async signed<T>(ask: (who: Identity) => Promise<T>): Promise<T> {
    return navigator.locks.request(LOCK, () => this.#signed(ask));
  }

  async #signed<T>(ask: (who: Identity) => Promise<T>): Promise<T> {
    const who = await this.store.meta('identity');
    if (who === undefined) throw new Refusal({ code: 'not_signed_in', status: 401 });
    try {
      return await ask(who);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'not_signed_in') throw error;
      const given = await said<{ access: string; refresh: string }>('/api/v1/session/refresh', {
        refresh: who.refresh,
      });
      const renewed = { ...who, access: given.access, refresh: given.refresh };
      await this.store.set('identity', renewed);
      return ask(renewed);
    }
  }

  async #waiting(): Promise<boolean> {
    return (await this.store.entries()).some(({ state }) => state === 'waiting');
  }

  /** The link fails, and something dangerous waits: a thin one may let that through alone. */
  async #careful(): Promise<boolean> {
    return this.#failures > 0 && ((await this.store.meta('urgent')) ?? []).length > 0;
  }

  /** One round trip; true while there is more to say or to hear. */
  async #exchange(who: Identity, sure: boolean): Promise<boolean> {
    const careful = await this.#careful();
    const limit = careful ? CAREFUL : BATCH;
    const { sent, unsent } = sure && this.clock.heard !== null
      ? await this.store.outgoing(limit)
      : { sent: [], unsent: (await this.store.entries()).length };
    this.link.total = this.link.sent + sent.length + unsent;
    if (sent.length > 0) this.tell.link({ ...this.link });
    const body = {
      cursor: (await this.store.meta('cursor')) ?? '',
      operations: sent,
      unsent,
      clock: this.clock.said(),
      ...(careful && sent.length > 0 ? { lanes: ['safety'] } : {}),
    };
    let answer: SyncAnswer;
    try {
      answer = await said<SyncAnswer>('/api/v1/sync', body, who.access);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (!['cursor_of_another_epoch', 'cursor_forged'].includes(error.code)) throw error;
      await this.store.beginAgain();
      this.tell.changed();
      return true;
    }
    if (answer.outcomes?.some(({ code }) => code === 'tablet_revoked')) {
      throw new Refusal({ code: 'tablet_revoked', status: 403 });
    }
    // whoever answers without a word on what was sent is not our server
    if (sent.length > 0 && (answer.outcomes ?? []).length === 0) throw new Away();
    this.clock.hear(answer.server_time);
    const { more } = await this.store.take(sent, answer, 'lanes' in body);
    this.link.sent += sent.length;
    this.#failures = 0;
    this.#connected(true);
    this.tell.changed();
    return more;
  }

  /** Once a day the tablet names what it holds, and is given what is wrong or missing in it. */
  async #heal(): Promise<void> {
    const now = this.clock.now().getTime();
    const last = await this.store.meta('healed');
    if (last !== undefined && now - last < HEAL_MS) return;
    if (last !== undefined && !(await this.#waiting())) {
      for (let turn = 0, more = true; more && turn < HEAL_TURNS; turn += 1) {
        const records = await this.store.versions();
        if (Object.keys(records).length > HEAL_MAX) break;
        // one group that holds everything, with a hash that is nobody's
        const wish = { depth: 0, groups: { '': '' }, records };
        const answer = await this.#signed((who) => said<Healing>('/api/v1/sync/digest', wish, who.access));
        await this.store.heal(answer);
        more = answer.more === true;
      }
      this.tell.changed();
    }
    await this.store.set('healed', now);
  }

  /** Checklists that visits are answered under; each is asked for once and kept. */
  async #templates(): Promise<void> {
    const visits = await this.store.db.getAllFromIndex('records', 'kind', 'visit');
    const wanted = new Set([
      ...visits.map((each) => String(each.fields['template'] ?? '')),
      ...Object.values(SPOT),
    ]);
    const known = new Set((await this.store.db.getAllKeys('templates')).map(String));
    for (const ref of wanted) {
      if (ref === '' || known.has(ref)) continue;
      const found = await this.#signed((who) => template(ref, who.access));
      if (found === null) continue;
      await this.store.db.put('templates', found, ref);
      this.tell.changed();
    }
  }

  /** The next file by its lane; false once none waits. */
  async #nextPhoto(who: Identity): Promise<boolean> {
    const photo = waitingPhotos(await this.store.db.getAll('photos'))[0];
    if (photo === undefined) return false;
    const bytes = await this.store.db.get('blobs', photo.sha256);
    // one that was taken back meanwhile does not come again
    const keep = (change: Partial<Photo>) => this.store.settlePhoto(photo.sha256, change);
    if (bytes === undefined) {
      await keep({ refused: 'bytes_missing' });
      return true;
    }
    try {
      await upload(photo, bytes, who.access, (location) => keep({ upload: location }));
      await keep({ sent: true });
    } catch (error) {
      if (!(error instanceof Refusal) || !PHOTO_CODES.includes(error.code)) throw error;
      // spoiled on the way, not here: it is sent again
      const sound = error.code === 'hash_mismatch' && (await sha256(bytes)) === photo.sha256;
      if (sound) throw new Away();
      await keep({ refused: error.code });
    }
    this.#connected(true);
    this.tell.changed();
    return true;
  }

  /** Revoked: what was captured is handed in once, then the tablet forgets everything. */
  async #lastWord(): Promise<void> {
    const who = await this.store.meta('identity');
    for (;;) {
      const tried = (await this.store.entries()).every(({ sent }) => sent === true);
      const { sent, unsent } = await this.store.outgoing(BATCH);
      if (sent.length === 0 || who === undefined) break;
      const body = { operations: sent, unsent, clock: this.clock.said() };
      try {
        await this.#signed((now) => said<SyncAnswer>('/api/v1/sync', body, now.access));
      } catch (error) {
        // no answer: it waits, frozen. Refused as revoked: nothing is taken, as from a stolen one.
        // Tokens are over: they end with the last operation that was handed in.
        if (!(error instanceof Refusal)) throw error;
        if (error.code !== 'tablet_revoked' && !tried) throw error;
        break;
      }
      for (const { n } of sent) await this.store.db.delete('outbox', n);
    }
    await this.store.forget();
    await this.store.set('revoked', 'gone');
    this.tell.revoked();
  }
}

async function template(ref: string, access: string): Promise<Template | null> {
  try {
    return await asked<Template>(`/api/v1/templates/${encodeURIComponent(ref)}`, access);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not_found') return null;
    throw error;
  }
}

export function waitingPhotos(photos: readonly Photo[]): Photo[] {
  return photos
    .filter((photo) => !photo.sent && photo.refused === undefined)
    .sort((a, b) => LANES.indexOf(a.lane) - LANES.indexOf(b.lane) || a.at.localeCompare(b.at));
}
