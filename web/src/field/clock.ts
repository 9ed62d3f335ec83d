/** The clocks of this tablet: the wall, and the time since this page began, which nobody can turn.
 *
 * A page cannot see when the machine was started, so each page load counts as a boot of its own. The
 * first exchange of a boot asks and says nothing: with the time in its answer the next one can prove
 * when everything was done, whatever the wall clock says. */
import type { Moment } from './store.ts';
import type { TabletClock } from './wire.ts';

const OFF_MS = 120_000;

export class Clock {
  readonly boot = crypto.randomUUID();
  #off = 0;
  heard: { at: string; uptime_ms: number } | null = null;

  /** What is best known: the wall clock, set right where the server says that it is wrong. */
  now(): Date {
    const wall = Date.now();
    return new Date(Math.abs(this.#off) > OFF_MS ? wall + this.#off : wall);
  }

  uptime(): number {
    return Math.round(performance.now());
  }

  moment(): Moment {
    return { observed_at: new Date().toISOString(), uptime_ms: this.uptime(), boot: this.boot };
  }

  said(): TabletClock {
    const heard = this.heard;
    return {
      sent_at: new Date().toISOString(),
      uptime_ms: this.uptime(),
      boot: this.boot,
      ...(heard === null ? {} : { heard_at: heard.at, heard_uptime_ms: heard.uptime_ms }),
    };
  }

  hear(serverTime: string): void {
    this.heard = { at: serverTime, uptime_ms: this.uptime() };
    this.#off = Date.parse(serverTime) - Date.now();
  }
}
