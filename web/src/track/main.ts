import '../shared/base.css';
import './track.css';
import { mount } from 'svelte';
import { dress } from '../shared/theme.ts';
import App from './App.svelte';

dress();
mount(App, { target: document.body });
