/** What the worker keeps: made by the build (web/shell.ts). */
declare module 'virtual:shell' {
  export const SHELL: string[];
  export const VERSION: string;
}
