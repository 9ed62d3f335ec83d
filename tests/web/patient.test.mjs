import assert from 'node:assert/strict';
import { test } from 'node:test';
import { module } from './ts.mjs';

const { patient } = await module('shared/patient.ts');
const request = (method) => new Request('http://doorstep/api/v1/cases', { method });

/** A server that closes the first connections unread, and how often it was asked. */
function closing(times) {
  const asked = [];
  const ask = async (given) => {
    asked.push(given.method);
    if (asked.length <= times) throw new TypeError('fetch failed');
    return new Response('{}');
  };
  return { ask, asked };
}

test('what only reads is asked once more when its connection was closed unread', async () => {
  const { ask, asked } = closing(1);
  assert.equal((await patient(request('GET'), ask)).status, 200);
  assert.deepEqual(asked, ['GET', 'GET']);
});

test('a server that is away is not asked on and on', async () => {
  const { ask, asked } = closing(9);
  await assert.rejects(patient(request('GET'), ask), TypeError);
  assert.equal(asked.length, 2);
});

test('a decision is never sent twice by itself', async () => {
  const { ask, asked } = closing(1);
  await assert.rejects(patient(request('POST'), ask), TypeError);
  assert.deepEqual(asked, ['POST']);
});

test('who has left the page asks nothing more', async () => {
  const { ask, asked } = closing(1);
  const leaving = new AbortController();
  leaving.abort();
  const given = new Request('http://doorstep/x', { signal: leaving.signal });
  await assert.rejects(patient(given, ask));
  assert.equal(asked.length, 1);
});
