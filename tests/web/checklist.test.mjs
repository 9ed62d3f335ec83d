import assert from 'node:assert/strict';
import { test } from 'node:test';
import { module } from './ts.mjs';

const { applies, complete, dangers, lacks, photosWanted } = await module('field/checklist.ts');
const { commonStart, nextAttempt, route } = await module('field/journey.ts');

const item = (given) => ({
  code: 'A', kind: 'pass_fail', options: [], required: true, least: null, most: null, unit: '',
  grades: {}, statutory: {}, fields: {}, photos: 0, photos_on_fail: 0, instrument: false,
  group: '', basis: '', applies_when: {}, zh: '', en: '', policy: 'severity_max', ...given,
});
const template = (items, given = {}) => ({
  code: 'T', version: '1', items, min_photos: 0, variants: {}, words: {}, ...given,
});
const whats = (found) => found.map(({ what }) => what);

test('a question is asked only where what it depends on was answered so', () => {
  const one = item({ code: 'P09', applies_when: { P07: 'replace_meter' } });
  const any = item({ code: 'P11', applies_when: { P07_any: ['replace_valve', 'tighten'] } });
  const all = template([one, any]);
  assert.deepEqual([applies(all, one, {}), applies(all, any, {})], [false, false]);
  assert.equal(applies(all, one, { P07: ['replace_meter'] }), true);
  assert.equal(applies(all, any, { P07: ['clean', 'tighten'] }), true);
});

test('a relight asks only what its variant names', () => {
  const [a, b] = [item({ code: 'A01' }), item({ code: 'A06' })];
  const install = template([a, b], { variants: { stove: ['A01', 'A06'], relight_only: ['A01'] } });
  assert.equal(applies(install, b, { variant: 'relight_only' }), false);
  assert.equal(applies(install, b, { variant: 'stove' }), true);
  assert.deepEqual(whats(lacks(install, {})), ['variant', 'answer', 'answer']);
});

test('a meter that nobody knows is asked about; a mechanical one is not', () => {
  const smart = item({ code: 'R08', applies_when: { meter_kind: 'smart' } });
  const all = template([smart]);
  assert.equal(applies(all, smart, {}), true);
  assert.equal(applies(all, smart, { meter_class: '膜式' }), false);
  assert.equal(applies(all, smart, { meter_class: '物联网表' }), true);
});

test('a fault wants more photos than a sound answer', () => {
  const pipes = item({ photos_on_fail: 2, grades: { grade: 'critical' } });
  assert.deepEqual([photosWanted(pipes, 'pass'), photosWanted(pipes, 'fail')], [0, 2]);
});

test('a critical hazard keeps a visit open until it is served and the gas is proven off', () => {
  const pipes = item({ grades: { grade: 'critical' }, statutory: { fail: 'SM2' } });
  const all = template([pipes], { min_photos: 1 });
  assert.deepEqual(whats(lacks(all, { A: 'fail' })), ['all_photos', 'notice', 'isolation']);
  const file = 'a'.repeat(64);
  const served = { A: 'fail', 'A.photos': [file], notice: { no: 'T1', isolation_photo: file } };
  assert.deepEqual(lacks(all, served), []);
  assert.deepEqual(dangers(all, { A: 'fail' })[0], { code: 'A', grade: 'critical', statutory: 'SM2' });
});

test('what is measured is nothing without its instrument', () => {
  const leak = item({ code: 'R26', kind: 'number', most: 0, instrument: true });
  const all = template([leak]);
  assert.deepEqual(whats(lacks(all, { R26: 0 })), ['instrument']);
  assert.deepEqual(lacks(all, { R26: 0, 'R26.instrument': { instrument: 'J1' } }), []);
});

test('a customer who refuses to sign leaves a whole answer without a signature', () => {
  const end = item({
    kind: 'composite',
    fields: { advice: { kind: 'bool' }, signature: { kind: 'signature' },
      signed_by_relation: { kind: 'enum', options: ['owner', 'refused'] } },
  });
  assert.equal(complete(end, { advice: true, signed_by_relation: 'owner' }), false);
  assert.equal(complete(end, { advice: true, signed_by_relation: 'refused' }), true);
});

test('a kind of a newer server is shown and not demanded', () => {
  assert.deepEqual(lacks(template([item({ kind: 'hologram' })]), {}), []);
});

test('what is done goes to the end of the route', () => {
  const visit = (state, starts_at) => ({ fields: { state, starts_at } });
  const all = [visit('field_done', '08'), visit('dispatched', '10'), visit('on_site', '09')];
  assert.deepEqual(route(all).map((v) => v.fields.starts_at), ['09', '10', '08']);
});

test('the next attempt is another day, and a weekend one is a Saturday', () => {
  const monday = new Date('2026-11-23T02:00:00Z');
  assert.deepEqual(nextAttempt(monday, 'evening'), { day: '2026-11-24', band: 'evening' });
  assert.equal(nextAttempt(monday, 'weekend').day, '2026-11-28');
  assert.equal(nextAttempt(new Date('2026-11-28T02:00:00Z'), 'weekend').day, '2026-12-05');
});

test('an address is never cut into a number or a name', () => {
  assert.equal(commonStart(['青浦市云泽镇芳洲小区3号', '青浦市云泽镇芳洲小区4号']), '青浦市云泽镇芳洲小区');
  assert.equal(commonStart(['甲', '乙']), '');
});

test('what was found by hand wants its notice, and one found after the notice wants another', () => {
  const all = template([]);
  const major = { code: 'h1', grade: 'major', statutory: null };
  const minor = { code: 'h2', grade: 'minor', statutory: null };
  const critical = { code: 'h3', grade: 'critical', statutory: null };
  assert.deepEqual(whats(lacks(all, {}, [minor])), []);
  assert.deepEqual(whats(lacks(all, {}, [major])), ['notice']);
  assert.deepEqual(whats(lacks(all, {}, [critical])), ['notice', 'isolation']);
  const notice = { no: 'T1', items: 'h1,h2' };
  assert.deepEqual(whats(lacks(all, { notice }, [major, minor])), []);
  const photo = { ...notice, isolation_photo: 'a'.repeat(64) };
  assert.deepEqual(whats(lacks(all, { notice: photo }, [major, critical])), ['notice_more']);
});
