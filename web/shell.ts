/** Tells the worker what it keeps: every part of the technician's face that the build made. */
import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

const MODULE = 'virtual:shell';
const MARK = '__SHELL__';
const FIXED = ['/field/', '/static/icon.svg', '/static/field.webmanifest', '/static/field-192.png'];

export function shell(entry: string, worker: string): Plugin {
  return {
    name: 'shell',
    enforce: 'post',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : null),
    load: (id) =>
      id === `\0${MODULE}`
        ? `const made = JSON.parse('${MARK}');export const SHELL = made.paths;export const VERSION = made.version;`
        : null,
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const sw = bundle[worker];
        if (sw?.type !== 'chunk') return;
        const seen = new Set<string>();
        const walk = (name: string): void => {
          const chunk = bundle[name];
          if (seen.has(name) || chunk === undefined) return;
          seen.add(name);
          if (chunk.type !== 'chunk') return;
          const css = chunk.viteMetadata?.importedCss ?? new Set<string>();
          [...chunk.imports, ...chunk.dynamicImports, ...css].forEach(walk);
        };
        const first = Object.values(bundle).find(
          (each) => each.type === 'chunk' && each.isEntry && each.name === entry,
        );
        if (first !== undefined) walk(first.fileName);
        const paths = [...FIXED, ...[...seen].sort().map((name) => `/${name}`)];
        const page = bundle[`${entry}/index.html`];
        const hash = createHash('sha256').update(paths.join('\n'));
        if (page?.type === 'asset') hash.update(page.source);
        const made = JSON.stringify({ paths, version: hash.digest('hex').slice(0, 12) });
        sw.code = sw.code.replace(MARK, made);
      },
    },
  };
}
