/** The worker of the technician's face: the shell from its cache first, so that the face starts with
 * the server dead. It never touches the interface, and a newer one waits until it is asked to take
 * over. */
import { SHELL, VERSION } from 'virtual:shell';

interface Extendable extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(reply: Promise<Response>): void;
}
interface Worker extends EventTarget {
  skipWaiting(): Promise<void>;
}
const worker = self as unknown as Worker;
const PREFIX = 'field-';
const PAGE = '/field/';
/** Tabs of the version before may still ask for their parts. */
const CACHES_KEPT = 2;

worker.addEventListener('install', (event) => {
  (event as Extendable).waitUntil(
    caches
      .open(PREFIX + VERSION)
      .then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: 'reload' })))),
  );
});

worker.addEventListener('activate', (event) => {
  (event as Extendable).waitUntil(
    caches.keys().then((names) => {
      const ours = names.filter((name) => name.startsWith(PREFIX));
      return Promise.all(ours.slice(0, -CACHES_KEPT).map((name) => caches.delete(name)));
    }),
  );
});

worker.addEventListener('message', (event) => {
  if ((event as MessageEvent).data === 'take over') void worker.skipWaiting();
});

worker.addEventListener('fetch', (event) => {
  const fetching = event as Fetching;
  const { request } = fetching;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || pathname.startsWith('/api')) return;
  if (request.mode === 'navigate') {
    if (pathname.startsWith(PAGE)) fetching.respondWith(kept(PAGE, request));
  } else if (/^\/(assets|static|field)\//.test(pathname)) fetching.respondWith(kept(pathname, request));
});

async function kept(path: string, request: Request): Promise<Response> {
  const current = await caches.open(PREFIX + VERSION);
  return (await current.match(path)) ?? (await caches.match(path)) ?? fetch(request);
}
