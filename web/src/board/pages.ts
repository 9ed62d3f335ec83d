/** The board's pages besides the day: each is loaded when it is first looked at. */
import type { Component } from 'svelte';
import type { Word } from './say.ts';

type Loaded = Promise<{ default: Component<{ id?: string }> }>;

interface Page {
  name: string;
  word: Word;
  /** A page that shows lists only takes no id. */
  load: () => Promise<{ default: unknown }>;
}

/** In the order of the menu; the first seven stand in the bar, the others under “more”. */
export const PAGES: readonly Page[] = [
  { name: 'orders', word: 'orders', load: () => import('./pages/Orders.svelte') },
  { name: 'cases', word: 'cases', load: () => import('./pages/Cases.svelte') },
  { name: 'commitments', word: 'commitments', load: () => import('./pages/Commitments.svelte') },
  { name: 'coverage', word: 'coverage', load: () => import('./pages/Coverage.svelte') },
  { name: 'team', word: 'team', load: () => import('./pages/Team.svelte') },
  { name: 'conflicts', word: 'conflicts', load: () => import('./pages/Conflicts.svelte') },
  { name: 'plans', word: 'plans', load: () => import('./pages/Plans.svelte') },
  { name: 'outages', word: 'outages', load: () => import('./pages/Outages.svelte') },
  { name: 'reports', word: 'reports', load: () => import('./pages/Reports.svelte') },
  { name: 'rules', word: 'rules', load: () => import('./pages/Rules.svelte') },
  { name: 'quarantine', word: 'quarantine', load: () => import('./pages/Quarantine.svelte') },
  { name: 'checklists', word: 'checklists', load: () => import('./pages/Checklists.svelte') },
  { name: 'workflows', word: 'workflows', load: () => import('./pages/Workflows.svelte') },
  { name: 'imports', word: 'imports', load: () => import('./pages/Imports.svelte') },
  { name: 'audit', word: 'audit', load: () => import('./pages/Audit.svelte') },
  { name: 'settings', word: 'settings', load: () => import('./pages/Settings.svelte') },
];

export const IN_BAR = 7;

export function pageOf(name: string): (() => Loaded) | undefined {
  return PAGES.find((each) => each.name === name)?.load as (() => Loaded) | undefined;
}
