/** A day as the API tells it. */
import type { components } from '../../shared/api/types.ts';

type Schemas = components['schemas'];
export type Board = Schemas['Board'];
export type DayTechnician = Schemas['DayTechnician'];
export type DayStop = Schemas['DayStop'];
export type LeftOut = Schemas['LeftOut'];
export type Candidate = Schemas['Candidate'];
export type Feasibility = Schemas['Feasibility'];
export type Moved = Schemas['Moved'];
export type EventDone = Schemas['EventDone'];
export type EventWish = Schemas['EventWish'];
export type AtRisk = Schemas['AtRisk'];
export type SoftCode = Schemas['MoveWish']['accept'][number];

/** A job that may be moved: a visit on the board, or work that nobody has. */
export interface Job {
  visit: string | null;
  order: string;
  number: string;
  kind: string;
  tier: string;
  state: string;
  address: string;
  holder: string | null;
  due_at: string | null;
  window_opens: string | null;
  window_closes: string | null;
  starts_at: string | null;
  ends_at: string | null;
  pinned: boolean;
  /** How many people it is for, and who comes along. */
  people: number;
  second: string | null;
  /** It lies on a tablet that nobody reaches. */
  silent: boolean;
  reasons: LeftOut['reasons'];
}

export function jobOfStop(stop: DayStop, silent: boolean): Job {
  return {
    visit: stop.visit,
    order: stop.work_order,
    number: stop.number,
    kind: stop.kind,
    tier: stop.tier,
    state: stop.state,
    address: stop.address,
    holder: stop.technician_id ?? null,
    due_at: stop.due_at ?? null,
    window_opens: stop.window_opens ?? null,
    window_closes: stop.window_closes ?? null,
    starts_at: stop.starts_at ?? null,
    ends_at: stop.ends_at ?? null,
    pinned: stop.pinned,
    people: stop.people ?? 1,
    second: stop.second_id ?? null,
    silent,
    reasons: [],
  };
}

export function jobOfLeft(left: LeftOut): Job {
  return {
    visit: left.visit ?? null,
    order: left.work_order,
    number: left.number ?? '',
    kind: left.kind ?? '',
    tier: left.tier ?? '',
    state: 'unassigned',
    address: left.address ?? '',
    holder: null,
    due_at: left.due_at ?? null,
    window_opens: null,
    window_closes: null,
    starts_at: null,
    ends_at: null,
    pinned: false,
    people: left.people ?? 1,
    second: null,
    silent: false,
    reasons: left.reasons ?? [],
  };
}

/** How the API names a job: by its visit, or by its order where it has none. */
export function whose(job: Job): { visit_id: string | null; work_order_id: string | null } {
  return { visit_id: job.visit, work_order_id: job.visit === null ? job.order : null };
}

/** An event of which nothing has been said yet. */
export const NOTHING = {
  at: null,
  move: false,
  reason: '',
  technician_id: null,
  until: null,
  visit_id: null,
  work_order_id: null,
} as const;

/** Work that has begun stays where it is. */
export function movable(job: Job): boolean {
  return ['unassigned', 'planned', 'en_route', 'dispatched', 'accepted'].includes(job.state);
}

/** Best first: who can, by what it adds; then who can against a soft rule; then who cannot. */
export function ranked(candidates: readonly Candidate[]): Candidate[] {
  const place = (each: Candidate) => (each.feasible ? 0 : (each.soft?.length ?? 0) > 0 ? 1 : 2);
  return [...candidates].sort(
    (a, b) => place(a) - place(b) || (a.added_seconds ?? 1e9) - (b.added_seconds ?? 1e9),
  );
}
