/** Loads a TypeScript module of the faces into Node: types are taken off, nothing is bundled. */
import { readFile } from 'node:fs/promises';
import { createRequire, register } from 'node:module';
import { pathToFileURL } from 'node:url';

const web = new URL('../../web/', import.meta.url);

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const ts = createRequire(new URL('package.json', web))('typescript');
  const text = await readFile(new URL(url), 'utf8');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const source = ts.transpileModule(text, { compilerOptions }).outputText;
  return { format: 'module', source, shortCircuit: true };
}

/** A module of `web/src` by its path there. */
export function module(path) {
  register(import.meta.url, pathToFileURL('./'));
  return import(new URL(`src/${path}`, web));
}
