// @ts-check
/**
 * The outbox as values: what to send next, what an answer does to it, and what the pill says.
 * No storage, no clock, no network here, so that every rule can be tried without a browser.
 *
 * @typedef {{id: string, n: number, record: string, base?: Record<string, number>,
 *   fields?: Record<string, unknown>}} Operation
 * @typedef {{operation: Operation, state: 'waiting' | 'refused', code?: string}} Entry
 * @typedef {{outcome: string, id?: string, index?: number, code?: string, version?: number,
 *   versions?: Record<string, number>}} Outcome
 */

/** Operations to send now, in the order the person did them; parked ones stay behind.
 * @param {Entry[]} entries @param {number} limit @returns {Operation[]} */
export function nextBatch(entries, limit) {
  return entries
    .filter((entry) => entry.state === 'waiting')
    .map((entry) => entry.operation)
    .sort((a, b) => a.n - b.n)
    .slice(0, limit);
}

/** The outbox after an answer: one outcome per operation, matched by id, else by its place.
 * An operation without an outcome keeps waiting; its id makes sending it again harmless.
 * @param {Entry[]} entries @param {Operation[]} sent @param {Outcome[]} outcomes
 * @returns {Entry[]} */
export function settle(entries, sent, outcomes) {
  const byId = new Map(
    outcomes.map((said, place) => [said.id ?? sent[said.index ?? place]?.id, said]),
  );
  const settled = sent.filter((operation) => byId.has(operation.id)).sort((a, b) => a.n - b.n);
  const ids = new Set(settled.map((operation) => operation.id));
  /** @type {Entry[]} */
  const kept = entries.flatMap((entry) => {
    if (!ids.has(entry.operation.id)) return [entry];
    const said = byId.get(entry.operation.id);
    if (said?.outcome !== 'quarantined') return [];
    return [{ ...entry, state: /** @type {const} */ ('refused'), code: said.code ?? 'unknown' }];
  });
  return settled.reduce((left, done) => rebase(left, done, byId.get(done.id)), kept);
}

/** Later operations on the same field build on the version their predecessor was given.
 * Only after `applied`: a merged or disputed value was never on this screen, so claiming to have
 * seen it would let the next answer overwrite a colleague's.
 * @param {Entry[]} entries @param {Operation} done @param {Outcome | undefined} said
 * @returns {Entry[]} */
export function rebase(entries, done, said) {
  if (said?.outcome !== 'applied') return entries;
  return entries.map((entry) => {
    const later = entry.operation;
    if (later.record !== done.record || later.n <= done.n) return entry;
    const base = { ...later.base };
    for (const field of Object.keys(done.fields ?? {})) {
      const given = said.versions?.[field] ?? said.version ?? 0;
      if (field in (later.fields ?? {})) base[field] = Math.max(base[field] ?? 0, given);
    }
    return { ...entry, operation: { ...later, base } };
  });
}

/** The pill is derived each time, never stored: a stored one can lie after a crash.
 * `online` is whether the last request succeeded.
 * @param {Entry[]} entries @param {{online: boolean, sent: number, total: number}} link */
export function pill(entries, link) {
  const refused = entries.filter((entry) => entry.state === 'refused').length;
  const waiting = entries.length - refused;
  if (refused > 0) return { state: 'refused', count: refused, total: entries.length };
  if (waiting === 0) return { state: 'all_sent', count: 0, total: 0 };
  if (!link.online) return { state: 'offline', count: waiting, total: waiting };
  return { state: 'sending', count: link.sent, total: link.total };
}

/** Signing out is refused while anything, parked entries too, is only on this tablet.
 * @param {Entry[]} entries */
export function maySignOut(entries) {
  return entries.length === 0;
}
