/** A newer version of the face: it waits until a person takes it, and never reloads a form in which
 * something is not saved yet. */
export class Update {
  waiting = $state(false);
  #registration: ServiceWorkerRegistration | undefined;
  #taken = false;

  constructor(readonly dirty: () => boolean) {}

  async watch(): Promise<void> {
    if (!('serviceWorker' in navigator)) return;
    try {
      const found = await navigator.serviceWorker.register('/field/sw.js', { scope: '/field/' });
      this.#registration = found;
      this.#look(found);
      found.addEventListener('updatefound', () => {
        found.installing?.addEventListener('statechange', () => this.#look(found));
      });
      navigator.serviceWorker.addEventListener('controllerchange', () => {
        // another tab took it: this one goes on with what it has until its form is empty
        if (this.#taken && !this.dirty()) location.reload();
      });
      document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') found.update().catch(() => {});
      });
    } catch {
      // without a worker the face still works, as long as there is a server
    }
  }

  #look(found: ServiceWorkerRegistration): void {
    this.waiting = found.waiting !== null && navigator.serviceWorker.controller !== null;
  }

  take(): void {
    if (this.dirty()) return;
    this.#taken = true;
    this.#registration?.waiting?.postMessage('take over');
  }
}
