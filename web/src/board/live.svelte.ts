/** The live channel: what changed, as topics; a page fetches again what it shows. */
import { token } from './link.ts';

export type Topic = 'day' | 'plans' | 'commitments' | 'conflicts' | 'tablets' | 'cases';
type Listener = (topics: ReadonlySet<Topic>) => void;

const WAIT_MS = [500, 1000, 2000, 5000, 10_000, 20_000];

class Live {
  state = $state<'joining' | 'live' | 'away'>('joining');
  #listeners = new Set<Listener>();
  #failures = 0;
  #socket: WebSocket | null = null;
  #timer = 0;

  /** Called again whenever something changed; returns how to stop. */
  hear(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    clearTimeout(this.#timer);
    if (this.#socket === null) void this.#join();
  }

  stop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  async #join(): Promise<void> {
    const secret = await token().catch(() => null);
    if (secret === null) return this.#again();
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/v1/live`);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ token: secret }));
    socket.onmessage = (event) => this.#heard(JSON.parse(String(event.data)) as { topics: Topic[] });
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#again();
    };
  }

  #heard(message: { topics: Topic[] }): void {
    // after an absence anything may have changed
    const all: Topic[] = ['day', 'plans', 'commitments', 'conflicts', 'tablets', 'cases'];
    const topics = new Set(this.state === 'away' ? all : message.topics);
    this.state = 'live';
    this.#failures = 0;
    if (topics.size > 0) for (const listener of this.#listeners) listener(topics);
  }

  #again(): void {
    this.state = 'away';
    const wait = WAIT_MS[Math.min(this.#failures++, WAIT_MS.length - 1)] ?? 20_000;
    this.#timer = window.setTimeout(() => this.start(), wait * (0.75 + Math.random() / 2));
  }
}

export const live = new Live();
