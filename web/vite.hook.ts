/** The test build of the technician's modules: one file that a test puts into a page. */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const at = (path: string) => resolve(import.meta.dirname, path);

export default defineConfig({
  publicDir: false,
  build: {
    outDir: at('node_modules/.hook'),
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    lib: { entry: at('src/field/hook.ts'), formats: ['es'], fileName: 'hook' },
  },
});
