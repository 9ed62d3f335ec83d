import '../shared/base.css';
import './board.css';
import { mount } from 'svelte';
import { current } from '../shared/i18n.svelte.ts';
import { dress } from '../shared/theme.ts';
import App from './App.svelte';

dress();
void current.ready().then(() => mount(App, { target: document.body }));
