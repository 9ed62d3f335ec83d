import assert from 'node:assert/strict';
import { test } from 'node:test';
import { module } from './ts.mjs';

const { covers, disputes, keep, maySignOut, mayTakeBack, nextBatch, pill, sayNow, settle, shown, without } =
  await module('field/outbox.ts');
const { stands } = await module('field/gas.ts');

const entry = (n, field = 'a', base = {}) => ({
  state: 'waiting',
  operation: { id: `id${n}`, n, record: 'r', base, fields: { [field]: n } },
});
const sentOf = (entries) => nextBatch(entries, 500);
test('operations leave in the order they were done, as many as the server takes', () => {
  assert.deepEqual(nextBatch([entry(3), entry(1), entry(2)], 2).map((o) => o.n), [1, 2]);
});

test('an operation without an outcome keeps waiting', () => {
  const all = [entry(1), entry(2)];
  const left = settle(all, sentOf(all), [{ outcome: 'held', id: 'id1' }]);
  assert.deepEqual(left.map((e) => e.operation.n), [2]);
});

test('one refused operation is parked with its reason and the rest flows', () => {
  const all = [entry(1), entry(2)];
  const said = [
    { outcome: 'quarantined', index: 0, code: 'bad' },
    { outcome: 'applied', id: 'id2', version: 4 },
  ];
  const left = settle(all, sentOf(all), said);
  assert.deepEqual(left.map((e) => [e.operation.n, e.state, e.code]), [[1, 'refused', 'bad']]);
  assert.deepEqual(nextBatch(left, 500), []);
  assert.equal(pill(left, { online: true, sent: 0, total: 0 }).state, 'refused');
  assert.equal(maySignOut(left), false);
});

test('a later answer to the same field builds on the version of the earlier one', () => {
  const all = [entry(1), entry(2), entry(3, 'b', { b: 1 })];
  const said = [{ outcome: 'applied', id: 'id1', version: 7 }];
  const left = settle(all, sentOf(all).slice(0, 1), said);
  assert.deepEqual(left.map((e) => e.operation.base), [{ a: 7 }, { b: 1 }]);
});

test('a merged or disputed value never counts as seen', () => {
  for (const outcome of ['merged', 'conflict', 'duplicate']) {
    const all = [entry(1), entry(2, 'a', { a: 3 })];
    const left = settle(all, sentOf(all).slice(0, 1), [{ outcome, id: 'id1', version: 9 }]);
    assert.deepEqual(left.map((e) => e.operation.base), [{ a: 3 }]);
  }
});

test('the pill is derived from what waits and whether the last request succeeded', () => {
  const link = { online: false, sent: 1, total: 2 };
  assert.equal(pill([], link).state, 'all_sent');
  assert.deepEqual(pill([entry(1)], link), { state: 'offline', waiting: 1 });
  assert.deepEqual(pill([], link, 2), { state: 'offline', waiting: 2 });
  const sending = pill([entry(1)], { ...link, online: true });
  assert.deepEqual(sending, { state: 'sending', sent: 1, total: 2 });
});

test('what may have been sent keeps its bytes, whatever its predecessor was given', () => {
  const all = [entry(1), { ...entry(2), sent: true }];
  const said = [{ outcome: 'applied', id: 'id1', version: 7 }];
  const left = settle(all, sentOf(all).slice(0, 1), said);
  assert.deepEqual(left[0].operation.base, {});
});

test('a refusal whose first answer was lost is parked all the same', () => {
  const all = [entry(1)];
  const said = [{ outcome: 'duplicate', id: 'id1', code: 'quarantined' }];
  assert.deepEqual(settle(all, sentOf(all), said).map((e) => e.state), ['refused']);
});

test('what is urgent leaves first with everything else on its record, in order', () => {
  const on = (n, record) => ({ ...entry(n), operation: { ...entry(n).operation, record } });
  const all = [on(1, 'a'), on(2, 'b'), on(3, 'a'), on(4, 'b')];
  assert.deepEqual(nextBatch(all, 500, new Set(['b'])).map((o) => o.n), [2, 4, 1, 3]);
});

test('a form shows the last word of the server under what is still in the outbox', () => {
  const held = { key: 'r', kind: 'visit', version: 2, fields: { a: 0, b: 9 }, versions: {} };
  const parked = { ...entry(3, 'b'), state: 'refused' };
  assert.deepEqual(shown(held, [entry(1), entry(2), parked], 'r'), { a: 2, b: 9 });
});

test('what was made here and refused stays to be seen, and is gone once the server tells of it', () => {
  const made = { ...entry(1).operation, kind: 'create', record_kind: 'visit', template: 'T@1' };
  const parked = [{ operation: made, state: 'refused' }];
  assert.deepEqual(shown(undefined, parked, 'r'), { state: 'dispatched', template: 'T@1', a: 1 });
  const held = { key: 'r', kind: 'visit', version: 2, fields: { b: 9 }, versions: {} };
  assert.deepEqual(shown(held, parked, 'r'), { b: 9 });
});

test('fields that a newer server adds come along and break nothing', () => {
  const change = { record: 'r', version: 3, kind: 'visit', fields: { a: 1 }, whole: true, new: 1 };
  const held = keep(undefined, change);
  assert.deepEqual([held.fields, held.versions], [{ a: 1 }, { a: 3 }]);
  const later = keep(held, { record: 'r', version: 4, fields: { b: 2 }, removed: ['a'] });
  assert.deepEqual([later.fields, later.versions, later.kind], [{ b: 2 }, { b: 4 }, 'visit']);
});

test('a word that counts beside another one is shown to its author, equal ones and unions are not', () => {
  const held = { key: 'r', kind: 'visit', version: 5, fields: { a: 7 }, versions: { a: 5 } };
  const records = new Map([['r', held]]);
  const sent = [entry(1).operation];
  const found = disputes(sent, [{ outcome: 'conflict', id: 'id1', code: 'manual' }], records);
  assert.deepEqual(found.map((d) => [d.field, d.mine, d.theirs, d.version]), [['a', 1, 7, 5]]);
  assert.deepEqual(disputes(sent, [{ outcome: 'applied', id: 'id1' }], records), []);
  assert.equal(covers(['x', 'y'], ['y']), true);
  assert.equal(covers({ p: 1, q: 2 }, { q: 2 }), true);
  assert.equal(covers('fail', 'pass'), false);
});

test('a photo that was refused is never called sent, and keeps from signing out', () => {
  const link = { online: true, sent: 0, total: 0 };
  assert.deepEqual(pill([], link, 0, 2), { state: 'refused', count: 2 });
  assert.equal(maySignOut([], 0, 1), false);
});

test('a word that was taken without its record is shown until the record comes', () => {
  const held = { key: 'r', kind: 'visit', version: 2, fields: { a: 0, b: 9 }, versions: { a: 2 } };
  const now = sayNow(held, entry(1).operation);
  assert.deepEqual([now.fields, now.versions, held.fields.a], [{ a: 1, b: 9 }, { a: 2 }, 0]);
  const made = { ...entry(2).operation, kind: 'create', record_kind: 'hazard', visit: 'v' };
  assert.deepEqual([sayNow(undefined, made).kind, sayNow(undefined, made).visit], ['hazard', 'v']);
});

test('a batch of long answers is cut where a body ends, and one alone always leaves', () => {
  const long = (n) => {
    const { operation, state } = entry(n);
    return { state, operation: { ...operation, fields: { a: '字'.repeat(20_000) } } };
  };
  const all = Array.from({ length: 100 }, (_, n) => long(n + 1));
  const sent = nextBatch(all);
  assert.ok(sent.length > 5 && Buffer.byteLength(JSON.stringify(sent)) < 2 * 1024 * 1024);
  assert.deepEqual(sent.map((o) => o.n), Array.from({ length: sent.length }, (_, n) => n + 1));
  const huge = { ...long(1), operation: { ...long(1).operation, fields: { a: 'x'.repeat(9e6) } } };
  assert.equal(nextBatch([huge, long(2)]).length, 1);
});

test('a photo is taken back as long as no word that names it has left', () => {
  const [one, two] = ['a'.repeat(64), 'b'.repeat(64)];
  const words = (n, photos, more = {}) => ({
    state: 'waiting',
    operation: {
      id: `id${n}`, n, record: 'r', kind: 'patch',
      fields: { 'R12.photos': photos, 'R12.thumbs': photos.map((each) => `${each}:${'c'.repeat(64)}`), R13: 'pass' },
    },
    ...more,
  });
  const both = [words(1, [one]), words(2, [one, two])];
  assert.equal(mayTakeBack(undefined, both, 'r', one), true);
  assert.equal(mayTakeBack(undefined, both, 'another', one), false);
  assert.equal(mayTakeBack({ fields: { 'R12.photos': [one] } }, both, 'r', one), false);
  const gone = [words(1, [one], { sent: true }), both[1]];
  assert.equal(mayTakeBack(undefined, gone, 'r', one), false);
  assert.equal(mayTakeBack(undefined, gone, 'r', two), true);
  const left = both.map((each) => without(each, one));
  assert.deepEqual(left.map(({ operation }) => operation.n), [1, 2]);
  assert.deepEqual(left[0].operation.fields, { 'R12.photos': null, 'R12.thumbs': null, R13: 'pass' });
  assert.deepEqual(left[1].operation.fields['R12.photos'], [two]);
  assert.equal(left[1].operation.fields['R12.thumbs'].length, 1);
});

test('a part is taken back by what was said of it', () => {
  const valve = { name: '球阀', count: 1 };
  const entry = { state: 'waiting', operation: { id: 'i', n: 1, record: 'r', fields: { P08: [valve, { name: '垫片', count: 2 }] } } };
  assert.equal(mayTakeBack(undefined, [entry], 'r', JSON.stringify(valve)), true);
  assert.deepEqual(without(entry, JSON.stringify(valve)).operation.fields.P08, [{ name: '垫片', count: 2 }]);
});

test('gas that was opened without proof counts as off until more is known', () => {
  const visit = (fields, versions) => ({ fields, held: { fields, versions }, open: true });
  const told = (unproven) => ({ waits: false, unproven });
  const opened = visit({ supply: 'on' }, { supply: 5 });
  assert.equal(stands(opened, { waits: true, unproven: undefined }), 'on');
  assert.equal(stands(opened, told()), 'on');
  assert.equal(stands(opened, told({ version: 5 })), 'suspended');
  // the premises were told of the closing before, and of nothing since
  const shut = visit({ supply: 'on', supply_state: 'isolated_premises' }, { supply: 5, supply_state: 3 });
  assert.equal(stands(shut, told()), 'isolated_premises');
  assert.equal(stands({ ...shut, open: false }, told()), 'on');
  const decided = visit({ supply: 'on', supply_state: 'on' }, { supply: 5, supply_state: 6 });
  assert.equal(stands(decided, told({ version: 5 })), 'on');
  const elsewhere = visit({ supply: 'isolated_premises', supply_state: 'on' }, { supply: 2, supply_state: 7 });
  assert.equal(stands(elsewhere, told()), 'on');
  assert.equal(stands(visit({ supply_state: 'off:2026-11-01' }, { supply_state: 1 }), told()), 'suspended');
});

test('an opening that was not believed is a dispute though our word stands in the record', () => {
  const sent = [{ id: 'i', n: 2, record: 'r', kind: 'patch', fields: { supply: 'on' }, observed_at: 't' }];
  const said = [{ id: 'i', outcome: 'conflict', code: 'restored_without_recheck', version: 5 }];
  const held = { fields: { supply: 'on' }, versions: { supply: 5 }, version: 5 };
  const [found] = disputes(sent, said, new Map([['r', held]]));
  assert.deepEqual([found.mine, found.theirs, found.version], ['on', 'suspended', 5]);
});
