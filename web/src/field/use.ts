import { getContext, setContext } from 'svelte';
import type { Field } from './app.svelte.ts';

const KEY = Symbol('field');
export const give = (field: Field): Field => setContext(KEY, field);
/** The tablet that this page shows. */
export const use = (): Field => getContext<Field>(KEY);
