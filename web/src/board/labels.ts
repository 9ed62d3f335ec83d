/** Codes of the API as people say them; an unknown code is shown as it is, never hidden. */
import { current } from '../shared/i18n.svelte.ts';
import { say, type Word } from './say.ts';
import { zh } from './words/zh.ts';

export type Family = 'kind' | 'short' | 'state' | 'tier' | 'channel' | 'promise' | 'grade' | 'soft' | 'reason' | 'role' | 'plan' | 'code' | 'policy' | 'tablet' | 'rule' | 'unit' | 'outage' | 'step' | 'layer' | 'class' | 'told' | 'source' | 'change' | 'hazard' | 'said' | 'out' | 'trust' | 'answer' | 'skill';

export function label(family: Family, code: string | null | undefined): string {
  if (!code) return '';
  const key = `${family}_${code}`;
  if (key in zh) return say(key as Word);
  return family === 'short' || family === 'skill' ? label('kind', code) : code;
}

/** A rule by its name in the reader's language; one that a unit published, as the unit names it. */
export function ruleName(code: string, zh = code): string {
  const known = label('rule', code);
  return known === code ? zh : known;
}

/** What happened, as people say it: an event of a promise, or a tablet's word with its command. */
export function happened(what: string): string {
  const words = what.split(' ').map((each) => label('said', each));
  return words.filter(Boolean).join(' · ');
}

/** `23 分` or `1 小时 5 分` of seconds. */
export function minutes(seconds: number): string {
  const whole = Math.round(seconds / 60);
  if (Math.abs(whole) < 60) return say('minutes', { n: whole });
  return say('hours_minutes', { h: Math.floor(whole / 60), m: whole % 60 });
}

/** How long ago, in one unit. */
export function ago(instant: string | null, now: number): string {
  if (instant === null) return say('never_seen');
  const seconds = Math.max(0, (now - Date.parse(instant)) / 1000);
  if (seconds < 90) return say('just_now');
  if (seconds < 5400) return say('minutes_ago', { n: Math.round(seconds / 60) });
  if (seconds < 129_600) return say('hours_ago', { n: Math.round(seconds / 3600) });
  return say('days_ago', { n: Math.round(seconds / 86_400) });
}

/** How far away an instant is: `还有 3 小时` or `已超 20 分`. */
export function until(instant: string, now: number): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  const far = Math.abs(seconds);
  const text = far < 172_800 ? minutes(far) : say('days', { n: Math.round(far / 86_400) });
  return say(seconds < 0 ? 'over_by' : 'left_until', { what: text });
}

export function separator(): string {
  return current.language === 'en' ? ', ' : '、';
}
