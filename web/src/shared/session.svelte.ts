/** Who is signed in. Tabs share one pair of tokens; only one of them renews it at a time. */

export interface Session {
  access: string;
  refresh: string;
  expires_at: string;
  role: string;
  name: string;
  unit: string;
}

const EARLY_MS = 30_000;

/** Keeps a session under a name of the face's own, so that a board and a tablet in one browser
 * never take each other's tokens. */
export class SessionKeeper {
  now = $state<Session | null>(null);
  readonly #key: string;

  constructor(face: string) {
    this.#key = `doorstep.session.${face}`;
    this.now = this.#stored();
    window.addEventListener('storage', (event) => {
      if (event.key === this.#key) this.now = this.#stored();
    });
  }

  #stored(): Session | null {
    const text = localStorage.getItem(this.#key);
    return text === null ? null : (JSON.parse(text) as Session);
  }

  keep(session: Session | null): void {
    this.now = session;
    if (session === null) localStorage.removeItem(this.#key);
    else localStorage.setItem(this.#key, JSON.stringify(session));
  }

  /** A token that is good for the next request, renewed when it is about to end. A refresh token
   * works once, and using it twice revokes all of them: hence the lock over every tab. */
  async token(renew: (refresh: string) => Promise<Session | null>): Promise<string | null> {
    if (this.now === null || !this.#old(this.now)) return this.now?.access ?? null;
    return navigator.locks.request(this.#key, async () => {
      const newest = this.#stored();
      if (newest === null || !this.#old(newest)) {
        this.now = newest;
        return newest?.access ?? null;
      }
      const renewed = await renew(newest.refresh);
      this.keep(renewed);
      return renewed?.access ?? null;
    });
  }

  #old(session: Session): boolean {
    return Date.parse(session.expires_at) - Date.now() < EARLY_MS;
  }
}
