import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { shell } from './shell.ts';

const at = (path: string) => resolve(import.meta.dirname, path);
// the service worker keeps its name: a browser asks for it by that name to learn of a new version
const worker = existsSync(at('src/field/sw.ts')) ? { sw: at('src/field/sw.ts') } : {};

export default defineConfig({
  plugins: [svelte(), shell('field', 'field/sw.js')],
  publicDir: at('public'),
  build: {
    outDir: at('../runtime/faces'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // data: fonts and pictures would need a hole in the content policy
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1100,
    rollupOptions: {
      input: {
        board: at('board/index.html'),
        field: at('field/index.html'),
        track: at('track/index.html'),
        ...worker,
      },
      output: {
        entryFileNames: (chunk) =>
          chunk.name === 'sw' ? 'field/sw.js' : 'assets/[name]-[hash].js',
      },
    },
  },
  worker: { format: 'es' },
});
