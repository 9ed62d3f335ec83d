/** The day on screen: loaded whole, moved by version, never redrawn under a dragging hand. */
import { data } from '../../shared/client.ts';
import { either } from '../../shared/i18n.svelte.ts';
import { Refused, told } from '../../shared/problem.ts';
import { api } from '../link.ts';
import { live } from '../live.svelte.ts';
import { say } from '../say.ts';
import {
  type AtRisk,
  type Board,
  type Candidate,
  type EventDone,
  type EventWish,
  type Feasibility,
  type Job,
  jobOfLeft,
  jobOfStop,
  type Moved,
  type SoftCode,
  whose,
} from './shapes.ts';

export interface Note {
  text: string;
  tone: 'good' | 'warn' | 'bad';
  undo: string | null;
}

export interface Drop {
  job: Job;
  candidate: Candidate;
}

export class DayState {
  day = $state('');
  board = $state.raw<Board | null>(null);
  risks = $state.raw<AtRisk[]>([]);
  picked = $state.raw<Job | null>(null);
  answers = $state.raw<Map<string, Candidate> | null>(null);
  /** The job whose panel is open. */
  open = $state.raw<Job | null>(null);
  /** A drop that breaks a soft rule and waits for a reason. */
  asking = $state.raw<Drop | null>(null);
  note = $state.raw<Note | null>(null);
  trouble = $state.raw<unknown>(null);
  behind = $state(false);
  grid = $state('');
  kind = $state('');
  busy = $state(false);
  #loading: Promise<void> | null = null;
  #again = false;
  #asked = 0;

  constructor(day: string) {
    this.day = day;
  }

  /** Fetches the day; a second wish while one is under way waits for it and asks once more. */
  async load(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#fetch();
    await this.#loading;
    this.#loading = null;
    if (this.#again) {
      this.#again = false;
      await this.load();
    }
  }

  async #fetch(): Promise<void> {
    const day = this.day;
    try {
      const path = { params: { path: { day } } };
      const board = await data(api.GET('/api/v1/days/{day}', path));
      performance.mark('day-answered');
      if (day !== this.day) return;
      // somebody picked a job up while the answer was on its way
      if (this.picked !== null) this.behind = true;
      else this.board = board;
      this.trouble = null;
    } catch (error) {
      this.trouble = error;
    }
  }

  async loadRisks(): Promise<void> {
    try {
      this.risks = await data(api.GET('/api/v1/commitments/at-risk', { params: { query: { limit: 500 } } }));
    } catch (error) {
      this.trouble = error;
    }
  }

  /** Nobody chose a day and nothing is planned for this one: the next day that has a plan. */
  async nextPlanned(): Promise<string | null> {
    const query = { params: { query: { limit: 100 } } };
    const runs = await data(api.GET('/api/v1/plans', query)).catch(() => null);
    const days = (runs?.items ?? []).filter((each) => each.published_at && each.day > this.day);
    return days.map((each) => each.day).sort()[0] ?? null;
  }

  /** What the live channel says: held back while a job is in somebody's hand. */
  listen(): () => void {
    return live.hear((topics) => {
      if (topics.has('commitments') || topics.has('cases')) void this.loadRisks();
      if (!topics.has('day') && !topics.has('tablets')) return;
      if (this.picked !== null) this.behind = true;
      else void this.load();
    });
  }

  /** Asks once for every technician. */
  async pickUp(job: Job): Promise<void> {
    performance.mark('picked-up');
    this.picked = job;
    this.answers = null;
    this.note = null;
    const mine = ++this.#asked;
    try {
      const found = await this.feasibility(job);
      performance.mark('pick-answered');
      if (this.picked === job && mine === this.#asked) {
        this.answers = new Map(found.technicians.map((each) => [each.technician_id, each]));
      }
    } catch (error) {
      if (mine === this.#asked) this.letGo();
      this.#refused(error);
    }
  }

  feasibility(job: Job): Promise<Feasibility> {
    const path = { params: { path: { day: this.day } } };
    return data(api.POST('/api/v1/days/{day}/feasibility', { ...path, body: whose(job) }));
  }

  letGo(): void {
    this.#asked++;
    this.picked = null;
    this.answers = null;
    if (this.behind) {
      this.behind = false;
      void this.load();
    }
  }

  /** A job is put into somebody's row: moved, asked about, or refused with the rule by name. */
  async drop(job: Job, candidate: Candidate): Promise<void> {
    if (!candidate.feasible && (candidate.soft?.length ?? 0) === 0) {
      const why = say('not_possible', { who: this.nameOf(candidate.technician_id) });
      this.note = { text: `${why}${wordsOf(candidate)}`, tone: 'bad', undo: null };
      this.letGo();
      return;
    }
    if ((candidate.soft?.length ?? 0) > 0 || job.silent) {
      this.asking = { job, candidate };
      return;
    }
    await this.move(job, candidate, [], '');
  }

  async move(job: Job, candidate: Candidate, accept: SoftCode[], reason: string): Promise<void> {
    // the version of the picture that the person looked at, not of one that came since
    const version = this.board?.version ?? 0;
    const to = { technician_id: candidate.technician_id, rank: null };
    const body = { ...whose(job), ...to, version, accept, reason };
    this.busy = true;
    try {
      const path = { params: { path: { day: this.day } } };
      const done = await data(api.POST('/api/v1/days/{day}/moves', { ...path, body }));
      this.#moved(done, say('moved_to', { what: job.number, who: this.nameOf(candidate.technician_id) }));
    } catch (error) {
      this.#refused(error);
    } finally {
      this.busy = false;
      this.asking = null;
      this.open = null;
      this.behind = true;
      this.letGo();
    }
  }

  async undo(move: string): Promise<void> {
    try {
      const path = { params: { path: { day: this.day, move_id: move } } };
      const done = await data(api.POST('/api/v1/days/{day}/moves/{move_id}/undo', path));
      this.#moved(done, say('undone'), false);
    } catch (error) {
      this.#refused(error);
    }
    await this.load();
  }

  async tell(wish: EventWish): Promise<EventDone | null> {
    try {
      const path = { params: { path: { day: this.day } } };
      const done = await data(api.POST('/api/v1/days/{day}/events', { ...path, body: wish }));
      const lost = done.promises_lost?.length ?? 0;
      const text = say('event_done', { changes: done.changes.length, lost });
      this.note = { text, tone: lost > 0 ? 'warn' : 'good', undo: done.move_id };
      await this.load();
      return done;
    } catch (error) {
      this.#refused(error);
      return null;
    }
  }

  #moved(done: Moved, text: string, undo = true): void {
    this.note = { text, tone: 'good', undo: undo ? done.move_id : null };
  }

  #refused(error: unknown): void {
    const stale = error instanceof Refused && error.problem.code === 'stale_version';
    const text = stale ? say('stale', { why: told(error) }) : told(error);
    this.note = { text, tone: stale ? 'warn' : 'bad', undo: null };
  }

  /** Nothing was ever published or placed for this day. */
  get unplanned(): boolean {
    return this.board !== null && this.board.version === 0 && this.board.technicians.every((each) => each.stops.length === 0);
  }

  /** A person's name; with the number where two people have the same. */
  nameOf(technician: string | null): string {
    const all = this.board?.technicians ?? [];
    const one = all.find((each) => each.id === technician);
    if (one === undefined) return '';
    return all.some((each) => each.id !== technician && each.name === one.name) ? `${one.name} ${one.number}` : one.name;
  }

  /** The job of a visit or an order, wherever it is on the board. */
  job(visit: string | null, order: string | null): Job | null {
    for (const who of this.board?.technicians ?? []) {
      const stop = who.stops.find((each) => each.visit === visit || each.work_order === order);
      if (stop) return jobOfStop(stop, who.silent);
    }
    const left = this.board?.unassigned.find((each) => each.work_order === order);
    return left === undefined ? null : jobOfLeft(left);
  }
}

/** The rule that stands against a technician, by name. */
export function wordsOf(candidate: Candidate): string {
  return either({ zh: candidate.words_zh, en: candidate.words_en });
}
