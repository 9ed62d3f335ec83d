/** Everything dangerous that a visit found: what answers say, and what was written down by hand. */
import type { Field } from './app.svelte.ts';
import { type Danger, GRADE_NAMES, dangers } from './checklist.ts';
import { nameOf, sayOr } from './say.ts';
import type { Fields, Grade, Template } from './wire.ts';

export interface Finding extends Danger {
  what: string;
}

export function findings(field: Field, record: string, template: Template | undefined): Finding[] {
  const fields = field.shown(record);
  const named = (code: string) => template?.items.find((each) => each.code === code);
  const asked = (template ? dangers(template, fields) : []).map((each): Finding => {
    const item = named(each.code);
    return { ...each, what: item === undefined ? each.code : `${each.code} ${nameOf(item)}` };
  });
  return [...asked, ...field.hazardsOf(record).map(byHand)].sort(
    (a, b) => GRADE_NAMES.indexOf(b.grade) - GRADE_NAMES.indexOf(a.grade),
  );
}

function byHand({ key, fields }: { key: string; fields: Fields }): Finding {
  const grade = String(fields['grade'] ?? 'minor') as Grade;
  const item = String(fields['item'] ?? 'other');
  return { code: key, grade, statutory: null, what: String(fields['note'] ?? sayOr(item, item)) };
}
