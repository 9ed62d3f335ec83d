import '../shared/base.css';
import './field.css';
import { mount } from 'svelte';
import { current } from '../shared/i18n.svelte.ts';
import { dress } from '../shared/theme.ts';
import { Field } from './app.svelte.ts';
import App from './App.svelte';
import { Update } from './update.svelte.ts';

const POLL_GAP_MS = 5_000;

// the worker looks after what is beneath /field/
if (location.pathname === '/field') history.replaceState(null, '', '/field/');
dress();
const [field] = await Promise.all([Field.open(), current.ready()]);
const update = new Update(() => field.dirty.size > 0);
mount(App, { target: document.body, props: { field, update } });
performance.mark('field-ready');

// what is on the screen does not wait for the network
let woken = 0;
function wake(): void {
  if (Date.now() - woken < POLL_GAP_MS) return;
  woken = Date.now();
  void field.drain.hurry();
}
requestIdleCallback(() => {
  wake();
  void update.watch();
  void field.store.prune(field.clock.now());
});
addEventListener('online', () => void field.drain.hurry());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake());
