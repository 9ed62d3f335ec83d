/** What tablet and server say to each other (docs/protocol/sync.md). Fields that a newer server adds
 * are carried along and ignored. */

export type Scalar = null | boolean | number | string;
export type Part = Scalar | string[];
export type FieldValue = Scalar | (Scalar | Record<string, Scalar>)[] | Record<string, Part>;
export type Fields = Record<string, FieldValue>;
export type RecordKind = 'visit' | 'hazard' | 'appliance' | 'note' | 'premises';
export type Grade = 'minor' | 'major' | 'critical';

/** One thing a person did, as it was saved before it looked saved. Its bytes never change once it
 * may have been sent: the same id with other bytes is refused. */
export interface Operation {
  id: string;
  n: number;
  record: string;
  kind: 'create' | 'patch' | 'append' | 'command' | 'delete';
  observed_at: string;
  record_kind?: Exclude<RecordKind, 'premises'>;
  visit?: string;
  premises?: string;
  base?: Record<string, number>;
  fields?: Fields;
  command?: string;
  after?: string[];
  uptime_ms?: number;
  boot?: string;
  template?: string;
}

export interface Outcome {
  outcome: string;
  id?: string;
  index?: number;
  code?: string;
  version?: number;
  versions?: Record<string, number>;
}

export interface Change {
  record: string;
  version: number;
  kind?: RecordKind;
  fields?: Fields;
  versions?: Record<string, number>;
  whole?: boolean;
  removed?: string[];
  deleted?: boolean;
  visit?: string;
  premises?: string;
}

export interface SyncAnswer {
  cursor: string;
  server_time: string;
  outcomes?: Outcome[];
  changes?: Change[];
  forget?: string[];
  more?: boolean;
}

/** What a tablet that named everything it holds is given. */
export type Healing = Pick<SyncAnswer, 'changes' | 'forget' | 'more'>;

export interface TabletClock {
  sent_at: string;
  uptime_ms: number;
  boot: string;
  heard_at?: string;
  heard_uptime_ms?: number;
}

export interface SubField {
  kind: string;
  options?: string[];
  least?: number | null;
  most?: number | null;
}

/** One question of a checklist (schemas/template.py). */
export interface Item {
  code: string;
  kind: string;
  zh: string;
  en: string;
  policy: string;
  options: string[];
  required: boolean;
  least: number | null;
  most: number | null;
  unit: string;
  grades: Record<string, string>;
  statutory: Record<string, string>;
  fields: Record<string, SubField>;
  photos: number;
  photos_on_fail: number;
  instrument: boolean;
  group: string;
  basis: string;
  applies_when: Record<string, string | string[]>;
}

export interface Template {
  code: string;
  version: string;
  name_zh: string;
  name_en: string;
  items: Item[];
  min_photos: number;
  variants: Record<string, string[]>;
  words: Record<string, [string, string]>;
}
