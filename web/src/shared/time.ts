/** Instants as the company's people read them: always the unit's local time, never the browser's. */

export const ZONE = 'Asia/Shanghai';
const parts = new Intl.DateTimeFormat('en-CA', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

function split(instant: string | Date): Record<string, string> {
  const found = parts.formatToParts(new Date(instant));
  return Object.fromEntries(found.map((part) => [part.type, part.value]));
}

/** `2026-11-24` */
export function localDay(instant: string | Date): string {
  const { year, month, day } = split(instant);
  return `${year}-${month}-${day}`;
}

/** `08:30` */
export function localTime(instant: string | Date): string {
  const { hour, minute } = split(instant);
  return `${hour}:${minute}`;
}

/** `11-24 08:30`; with its year where that is not this one. */
export function localMoment(instant: string | Date): string {
  const { year, month, day, hour, minute } = split(instant);
  const short = `${month}-${day} ${hour}:${minute}`;
  return year === split(new Date())['year'] ? short : `${year}-${short}`;
}

/** When something ends: midnight belongs to the day that it ends, `11-23 24:00`. */
export function localDue(instant: string | Date): string {
  if (localTime(instant) !== '00:00') return localMoment(instant);
  const before = localMoment(new Date(new Date(instant).getTime() - 60_000));
  return before.replace(/23:59$/, '24:00');
}

/** `2026-11-24T08:30` for a `datetime-local` field. */
export function localField(instant: string | Date): string {
  return `${localDay(instant)}T${localTime(instant)}`;
}

/** The instant that a `datetime-local` field means: `2026-11-24T08:30` of the unit's zone. */
export function atLocal(field: string): string {
  return `${field}:00+08:00`;
}

/** Seconds from the local midnight that begins `day`. */
export function secondsOfDay(instant: string | Date, day: string): number {
  return (new Date(instant).getTime() - midnight(day)) / 1000;
}

/** The instant, in milliseconds, at which the local day begins. */
export function midnight(day: string): number {
  return new Date(`${day}T00:00:00+08:00`).getTime();
}

/** `08:30` of seconds since local midnight; hours past 24 belong to the next day. */
export function clockOf(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${String(hours).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** The day `count` days later. */
export function dayAfter(day: string, count = 1): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}
