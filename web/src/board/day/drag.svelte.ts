/** A hand on a job: begins after a few pixels, finds the row under it, drops or lets go. */
import type { DayState } from './day.svelte.ts';
import { type Job, movable } from './shapes.ts';

const BEGIN_PIXELS = 5;
const EDGE_PIXELS = 36;

export class Drag {
  x = $state(0);
  y = $state(0);
  over = $state<string | null>(null);
  active = $state(false);
  #day: DayState;
  #from: { x: number; y: number; job: Job } | null = null;
  #frame = 0;

  constructor(day: DayState) {
    this.#day = day;
  }

  begin(event: PointerEvent, job: Job): void {
    if (event.button !== 0 || !movable(job)) return;
    this.#from = { x: event.clientX, y: event.clientY, job };
    addEventListener('pointermove', this.#move);
    addEventListener('pointerup', this.#up);
    addEventListener('pointercancel', this.cancel);
    addEventListener('keydown', this.#key, true);
  }

  #move = (event: PointerEvent): void => {
    if (this.#from === null) return;
    this.x = event.clientX;
    this.y = event.clientY;
    const far = Math.hypot(this.x - this.#from.x, this.y - this.#from.y);
    if (!this.active && far >= BEGIN_PIXELS) {
      this.active = true;
      getSelection()?.removeAllRanges();
      void this.#day.pickUp(this.#from.job);
      this.#frame = requestAnimationFrame(this.#scroll);
    }
    if (this.active) this.over = rowAt(this.x, this.y);
  };

  // a list that is longer than its box moves under a hand that waits at its edge
  #scroll = (): void => {
    if (!this.active) return;
    const list = document.querySelector('[data-rows]');
    const box = list?.getBoundingClientRect();
    if (list && box && this.x > box.left && this.x < box.right) {
      if (this.y > box.bottom - EDGE_PIXELS && this.y < box.bottom + EDGE_PIXELS) list.scrollTop += 9;
      if (this.y < box.top + EDGE_PIXELS * 1.6 && this.y > box.top) list.scrollTop -= 9;
      this.over = rowAt(this.x, this.y);
    }
    this.#frame = requestAnimationFrame(this.#scroll);
  };

  #up = (): void => {
    const job = this.#from?.job;
    const candidate = this.over === null ? undefined : this.#day.answers?.get(this.over);
    const dragged = this.active;
    this.#end();
    if (!dragged || job === undefined) return;
    // the click that follows a drag is none
    const swallow = (event: Event) => event.stopPropagation();
    addEventListener('click', swallow, true);
    setTimeout(() => removeEventListener('click', swallow, true));
    if (candidate === undefined || candidate.technician_id === job.holder) this.#day.letGo();
    else void this.#day.drop(job, candidate);
  };

  #key = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.cancel();
  };

  cancel = (): void => {
    const dragged = this.active;
    this.#end();
    if (dragged) this.#day.letGo();
  };

  #end(): void {
    removeEventListener('pointermove', this.#move);
    removeEventListener('pointerup', this.#up);
    removeEventListener('pointercancel', this.cancel);
    removeEventListener('keydown', this.#key, true);
    cancelAnimationFrame(this.#frame);
    this.#from = null;
    this.active = false;
    this.over = null;
  }
}

function rowAt(x: number, y: number): string | null {
  const found = document.elementFromPoint(x, y)?.closest('[data-technician]');
  return found?.getAttribute('data-technician') ?? null;
}
