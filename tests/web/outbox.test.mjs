import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maySignOut, nextBatch, pill, settle } from '../../web/src/field/outbox.js';

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
  assert.deepEqual(pill([entry(1)], link), { state: 'offline', count: 1, total: 1 });
  const sending = pill([entry(1)], { ...link, online: true });
  assert.deepEqual(sending, { state: 'sending', count: 1, total: 2 });
});
