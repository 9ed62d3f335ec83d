/** A page that becomes one word when it is confirmed. What is filled in meanwhile survives: Android
 * may end a page while its camera is open. */
import type { Field } from './app.svelte.ts';
import type { Draft, Taken } from './store.ts';
import type { FieldValue } from './wire.ts';

const TYPING_MS = 400;

export class Filled {
  parts = $state.raw<Draft['parts']>({});
  files = $state.raw<readonly Taken[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly field: Field,
    readonly place: string,
  ) {
    void field.store.db.get('drafts', place).then((kept) => {
      if (kept === undefined) return;
      this.parts = { ...kept.parts, ...this.parts };
      this.files = [...kept.files, ...this.files];
    });
  }

  text(name: string): string {
    const said = this.parts[name];
    return typeof said === 'string' ? said : '';
  }

  file(name: string): Taken | undefined {
    return this.files.find(({ sha256 }) => sha256 === this.parts[name]);
  }

  /** True once it is durable. A file that the part named before is gone. */
  set(name: string, value: FieldValue, files: readonly Taken[] = []): Promise<boolean> {
    const gone = new Set([this.parts[name], ...files.map(({ sha256 }) => sha256)]);
    const kept = this.files.filter(({ sha256 }) => !gone.has(sha256));
    this.files = [...kept, ...files];
    this.parts = { ...this.parts, [name]: value };
    return this.keep();
  }

  /** A file is taken back, with every part that names it. */
  drop(sha256: string): Promise<boolean> {
    const others = Object.entries(this.parts).filter(([, value]) => value !== sha256);
    this.parts = Object.fromEntries(others);
    this.files = this.files.filter((each) => each.sha256 !== sha256);
    return this.keep();
  }

  /** A text while it is typed: kept at the next pause. */
  type(name: string, text: string): void {
    this.parts = { ...this.parts, [name]: text };
    this.field.touch(this.place, true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.keep(), TYPING_MS);
  }

  async keep(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const draft = { parts: this.parts, files: [...this.files] };
    const kept = await this.field.drafted(this.place, draft);
    if (kept && this.#timer === undefined) this.field.touch(this.place, false);
    return kept;
  }

  /** The page is left, or hidden behind the camera. */
  leave(): void {
    if (this.#timer !== undefined) void this.keep();
  }

  /** Confirmed: the word took the draft's place. */
  done(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.field.touch(this.place, false);
  }
}
