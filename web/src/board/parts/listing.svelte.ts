/** A list that is fetched page by page. */
interface Page<T> {
  items: T[];
  next?: string | null;
}

export class Listing<T> {
  items = $state.raw<T[]>([]);
  next = $state<string | null>(null);
  busy = $state(false);
  trouble = $state.raw<unknown>(null);
  #fetch: (after: string | null) => Promise<Page<T>>;
  #asked = 0;

  constructor(fetch: (after: string | null) => Promise<Page<T>>) {
    this.#fetch = fetch;
  }

  /** From the beginning; an older answer that comes late is dropped. */
  load = (): Promise<void> => this.#take(null);
  more = (): Promise<void> => this.#take(this.next);

  async #take(after: string | null): Promise<void> {
    const mine = ++this.#asked;
    this.busy = true;
    try {
      const page = await this.#fetch(after);
      if (mine !== this.#asked) return;
      this.items = after === null ? page.items : [...this.items, ...page.items];
      this.next = page.next ?? null;
      this.trouble = null;
    } catch (error) {
      if (mine === this.#asked) this.trouble = error;
    } finally {
      if (mine === this.#asked) this.busy = false;
    }
  }
}
