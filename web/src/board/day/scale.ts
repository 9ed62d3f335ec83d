/** Where an instant lies between the left and the right edge of the timeline, in percent. */
import { clockOf, midnight, secondsOfDay } from '../../shared/time.ts';

export interface Scale {
  from: number;
  to: number;
  start: number;
}

const EDGE_SECONDS = 1800;

interface Shift {
  shift_opens: string;
  shift_closes: string;
}

/** From half an hour before the first shift to half an hour after the last, on whole hours. */
export function scaleOf(day: string, people: readonly Shift[]): Scale {
  const opens = people.map((each) => secondsOfDay(each.shift_opens, day));
  const closes = people.map((each) => secondsOfDay(each.shift_closes, day));
  const from = Math.floor(Math.max(0, Math.min(8 * 3600, ...opens) - EDGE_SECONDS) / 3600) * 3600;
  const to = Math.ceil((Math.max(18 * 3600, ...closes) + EDGE_SECONDS) / 3600) * 3600;
  return { from, to, start: midnight(day) };
}

export function placeOf(scale: Scale, instant: string | number): number {
  const at = typeof instant === 'number' ? instant : Date.parse(instant);
  const seconds = (at - scale.start) / 1000;
  return ((seconds - scale.from) / (scale.to - scale.from)) * 100;
}

export function hoursOf(scale: Scale): { at: number; left: number; text: string }[] {
  const hours = [];
  for (let at = scale.from + 3600; at < scale.to; at += 3600) {
    const left = ((at - scale.from) / (scale.to - scale.from)) * 100;
    hours.push({ at, left, text: clockOf(at) });
  }
  return hours;
}
