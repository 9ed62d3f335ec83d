/** Answers under a checklist, as the server will judge them (sync/template.py): whether a value may
 * be, how bad it is, what is asked at all and what is still missing. */
import type { FieldValue, Fields, Grade, Item, SubField, Template } from './wire.ts';

export const PHOTOS = '.photos';
export const THUMBS = '.thumbs';
export const INSTRUMENT = '.instrument';
const GRADES: Record<string, number> = { none: 0, minor: 1, major: 2, critical: 3 };
export const GRADE_NAMES = ['none', 'minor', 'major', 'critical'] as const;
const SHA256 = /^[0-9a-f]{64}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const ANSWERABLE = new Set([
  'pass_fail', 'bool', 'enum', 'multi_enum', 'checklist', 'scale', 'number', 'integer', 'money',
  'text', 'date', 'composite', 'signature', 'photo', 'parts', 'ref',
]); // prettier-ignore

/** A kind that this program knows how to ask; one of a newer server is shown and not demanded. */
export function askable(item: Item): boolean {
  return ANSWERABLE.has(item.kind);
}

/** The code of what is wrong with an answer, or null. An empty answer takes one back. */
export function refused(item: Item, value: FieldValue): string | null {
  if (value === null) return null;
  if (item.kind === 'composite') {
    if (!isParts(value)) return 'answer_type';
    for (const [name, part] of Object.entries(value)) {
      const sub = item.fields[name];
      if (sub === undefined) return 'answer_option';
      if (part === null) continue;
      const code = refusedPart(sub, part);
      if (code !== null) return code;
    }
    return null;
  }
  if (item.kind === 'multi_enum' || item.kind === 'checklist') {
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
      return 'answer_type';
    }
    return value.every((each) => item.options.includes(each as string)) ? null : 'answer_option';
  }
  if (item.kind === 'pass_fail') return oneOf(value, ['pass', 'fail', 'not_applicable']);
  return refusedPart({ kind: item.kind, options: item.options }, value);
}

function refusedPart(sub: SubField, value: unknown): string | null {
  switch (sub.kind) {
    case 'enum':
      return oneOf(value, sub.options ?? []);
    case 'number':
    case 'money':
    case 'scale':
      return typeof value === 'number' && Number.isFinite(value) ? null : 'answer_type';
    case 'integer':
      return Number.isSafeInteger(value) ? null : 'answer_type';
    case 'bool':
      return typeof value === 'boolean' ? null : 'answer_type';
    case 'date':
      return typeof value === 'string' && isDay(value) ? null : 'answer_type';
    case 'photo':
    case 'signature': {
      const all = Array.isArray(value) ? value : [value];
      return all.every(isFile) ? null : 'answer_type';
    }
    case 'text':
      return typeof value === 'string' ? null : 'answer_type';
    default:
      return null;
  }
}

function oneOf(value: unknown, options: readonly string[]): string | null {
  if (typeof value !== 'string') return 'answer_type';
  return options.includes(value) ? null : 'answer_option';
}

export function isFile(value: unknown): value is string {
  return typeof value === 'string' && SHA256.test(value);
}

export function isDay(text: string): boolean {
  if (!DAY.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

export function isParts(value: FieldValue | undefined): value is Record<string, string[]> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How bad an answer is: -1 none given, 0 sound, 1 minor, 2 major, 3 critical. */
export function severity(item: Item, value: FieldValue): number {
  if (value === null) return -1;
  return Math.max(0, ...grades(item, value).map((name) => GRADES[name] ?? 0));
}

function grades(item: Item, value: FieldValue): string[] {
  const general = item.grades['grade'] ?? 'none';
  if (item.kind === 'pass_fail') {
    return value === 'fail' ? [general === 'none' ? 'minor' : general] : [];
  }
  if (item.kind === 'composite' && isParts(value)) return compositeGrades(item, value);
  if (Array.isArray(value)) return value.map((each) => item.grades[String(each)] ?? 'none');
  if (typeof value === 'number') {
    const named = item.grades[String(value)];
    if (named !== undefined) return [named];
    return beyond(item, value) ? [general] : [];
  }
  const own = item.grades[word(value)];
  if (own !== undefined) return [own];
  // a general grade speaks of every option but the first, which is the sound one
  const sound = item.options.length === 0 || value === item.options[0];
  return sound || item.kind === 'date' ? [] : [general];
}

export function beyond(limits: { least?: number | null; most?: number | null }, value: number) {
  const { least = null, most = null } = limits;
  return (most !== null && value > most) || (least !== null && value < least);
}

function compositeGrades(item: Item, value: Record<string, FieldValue>): string[] {
  const found: string[] = [];
  const said = Object.values(value).map(word);
  for (const [name, part] of Object.entries(value)) {
    const whole = `${name}_${word(part)}`;
    for (const [key, grade] of Object.entries(item.grades)) {
      const exact = key === word(part) || key === whole;
      // "room_bathroom_not_balanced": the room decides unless the flue is balanced
      const guarded =
        key.startsWith(`${whole}_not_`) && !said.some((other) => key.endsWith(`_not_${other}`));
      if (exact || guarded) found.push(grade);
    }
    const sub = item.fields[name];
    if (sub === undefined || typeof part !== 'number') continue;
    const { most = null, least = null } = sub;
    if (most !== null && part > most) found.push(item.grades['grade'] ?? 'major');
    if (least !== null && part < least) found.push(item.grades['grade'] ?? 'minor');
  }
  return found;
}

/** As the catalogue writes it down. */
function word(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null ? 'None' : String(value);
}

/** Which of the four statutory hazards an answer is (建城规〔2023〕4号 art. 9), or null. */
export function statutory(item: Item, value: FieldValue): string | null {
  const words = isParts(value)
    ? [...Object.entries(value).map(([k, v]) => `${k}_${word(v)}`)]
    : [word(value)];
  const found = Object.entries(item.statutory).find(([key]) => words.includes(key));
  return found?.[1] ?? null;
}

/** Whether a question is asked: of this variant, and when what it depends on was answered so. */
export function applies(template: Template, item: Item, fields: Fields): boolean {
  const variant = fields['variant'];
  const named = typeof variant === 'string' ? template.variants[variant] : undefined;
  if (named !== undefined && !named.includes(item.code)) return false;
  return Object.entries(item.applies_when).every(([key, wanted]) => {
    const any = key.endsWith('_any') ? key.slice(0, -'_any'.length) : key;
    const given = any === 'meter_kind' ? meterKind(fields) : fields[any];
    // what nobody knows is asked: a question too many harms less than one that was not put
    if (given === undefined || given === null) return any === 'meter_kind' || any === 'variant';
    const said = Array.isArray(given) ? given.map(String) : [String(given)];
    return (Array.isArray(wanted) ? wanted : [wanted]).some((each) => said.includes(each));
  });
}

function meterKind(fields: Fields): string | undefined {
  const kind = fields['meter_class'];
  if (typeof kind !== 'string' || kind === '') return undefined;
  return /IC|NB|4G|IoT|smart|物联|智能|远传|卡/i.test(kind) ? 'smart' : 'mechanical';
}

/** How many photos an answer wants. */
export function photosWanted(item: Item, value: FieldValue | undefined): number {
  const bad = value !== undefined && severity(item, value) > 0;
  return Math.max(item.photos, bad ? item.photos_on_fail : 0);
}

export function photosOf(fields: Fields, field: string): string[] {
  const value = fields[`${field}${PHOTOS}`];
  return Array.isArray(value) ? value.filter(isFile) : [];
}

/** A composite is whole once every part but texts and photos is said; `answered` is for the rest. */
export function complete(item: Item, value: FieldValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  if (item.kind !== 'composite' || !isParts(value)) return true;
  const refusedToSign = value['signed_by_relation'] as unknown === 'refused';
  return Object.entries(item.fields).every(([name, sub]) => {
    const part = value[name] as FieldValue | undefined;
    if (sub.kind === 'text' || sub.kind === 'photo') return true;
    if (sub.kind === 'signature' && refusedToSign) return true;
    // where there is none, its place and age are not asked
    if (value['kind'] as unknown === 'none' || value['state'] as unknown === 'absent') return true;
    return part !== undefined && part !== null && part !== '';
  });
}

export interface Danger {
  code: string;
  grade: Grade;
  statutory: string | null;
}

/** Dangers that the answers name, the worst first. */
export function dangers(template: Template, fields: Fields): Danger[] {
  return template.items
    .flatMap((item): Danger[] => {
      const value = fields[item.code];
      if (value === undefined || !applies(template, item, fields)) return [];
      const bad = severity(item, value);
      if (bad <= 0) return [];
      const grade = GRADE_NAMES[bad] as Grade;
      return [{ code: item.code, grade, statutory: statutory(item, value) }];
    })
    .sort((a, b) => GRADE_NAMES.indexOf(b.grade) - GRADE_NAMES.indexOf(a.grade));
}

export type Lack =
  | { what: 'answer' | 'instrument'; code: string }
  | { what: 'photos'; code: string; have: number; want: number }
  | { what: 'all_photos'; have: number; want: number }
  | { what: 'notice' | 'notice_more' | 'isolation' | 'variant' };

/** What keeps a visit from being finished (work_order_lifecycle.yaml, in_progress to field_done).
 * `byHand` are dangers that no question asks for. */
export function lacks(template: Template, fields: Fields, byHand: readonly Danger[] = []): Lack[] {
  const found: Lack[] = [];
  let photos = 0;
  if (Object.keys(template.variants).length > 0 && fields['variant'] === undefined) {
    found.push({ what: 'variant' });
  }
  for (const item of template.items) {
    photos += photosOf(fields, item.code).length;
    if (!applies(template, item, fields) || !askable(item)) continue;
    const value = fields[item.code];
    if (item.required && !complete(item, value)) found.push({ what: 'answer', code: item.code });
    if (item.instrument && complete(item, value) && !isParts(fields[`${item.code}${INSTRUMENT}`])) {
      found.push({ what: 'instrument', code: item.code });
    }
    const want = complete(item, value) ? photosWanted(item, value) : 0;
    const have = photosOf(fields, item.code).length;
    if (have < want) found.push({ what: 'photos', code: item.code, have, want });
  }
  if (photos < template.min_photos) {
    found.push({ what: 'all_photos', have: photos, want: template.min_photos });
  }
  return [...found, ...served([...dangers(template, fields), ...byHand], fields)];
}

function served(bad: readonly Danger[], fields: Fields): Lack[] {
  const notice = fields['notice'];
  const found: Lack[] = [];
  const grave = bad.filter((each) => each.grade !== 'minor' || each.statutory);
  if (grave.length > 0 && !isParts(notice)) found.push({ what: 'notice' });
  else if (grave.some(({ code }) => !isNamed(notice, code))) found.push({ what: 'notice_more' });
  const isolated = isParts(notice) && isFile(notice['isolation_photo']);
  if (bad.some((each) => each.grade === 'critical') && !isolated) found.push({ what: 'isolation' });
  return found;
}

/** Whether a notice speaks of a danger; one that names none speaks of all that there was. */
function isNamed(notice: FieldValue | undefined, code: string): boolean {
  const items = isParts(notice) ? (notice['items'] as unknown) : undefined;
  return typeof items !== 'string' || items.split(',').includes(code);
}
