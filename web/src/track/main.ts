import '../shared/base.css';
import './track.css';
import { mount } from 'svelte';
import { current } from '../shared/i18n.svelte.ts';
import { dress } from '../shared/theme.ts';
import App from './App.svelte';

dress();
void current.ready();
mount(App, { target: document.body });
