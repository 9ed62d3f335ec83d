/** Where in the face we are. Deep links work without a server: the worker answers with the shell. */
class At {
  path = $state(location.pathname);

  constructor() {
    addEventListener('popstate', () => (this.path = location.pathname));
    document.addEventListener('click', (event) => {
      const link = (event.target as Element).closest?.('a[href^="/field"]');
      if (!(link instanceof HTMLAnchorElement) || link.target || event.defaultPrevented) return;
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.go(link.pathname);
    });
  }

  go(path: string, replace = false): void {
    if (path === this.path) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', path);
    this.path = path;
    scrollTo(0, 0);
  }

  /** `/field/visit/ID/notice` is `['visit', ID, 'notice']`. */
  get parts(): string[] {
    return this.path.split('/').filter(Boolean).slice(1).map(decodeURIComponent);
  }
}

export const at = new At();
