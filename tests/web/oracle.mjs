/** Judges answers as the technician's face does: reads cases, writes what it makes of each. */
import { readFile } from 'node:fs/promises';
import { module } from './ts.mjs';

const { refused, severity, statutory } = await module('field/checklist.ts');
const { items, cases } = JSON.parse(await readFile(process.argv[2], 'utf8'));
const judged = cases.map(([key, value]) => [
  refused(items[key], value),
  severity(items[key], value),
  statutory(items[key], value),
]);
process.stdout.write(JSON.stringify(judged));
