/// <reference lib="dom" preserve="true" />
// Keeps the files of the folder, so that its page works offline. `web-folder.ts` writes the two constants before it.

/** Changes with any file, so that a new version replaces all files together. */
declare const VERSION: string;
declare const FILES: readonly string[];

/** What is used of ServiceWorkerGlobalScope, whose types contradict those of pages. */
interface WorkerEvent extends Event {
  readonly request: Request;
  waitUntil(promise: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}
const worker = globalThis as unknown as {
  addEventListener(type: 'install' | 'activate' | 'fetch', listener: (event: WorkerEvent) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
};

const PREFIX = 'evenhand-try-';
const CACHE = `${PREFIX}${location.pathname}-${VERSION}`;

worker.addEventListener('install', (event) => {
  const fill = async (): Promise<void> => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.map((file) => new Request(file, { cache: 'no-cache' })));
    await worker.skipWaiting();
  };
  event.waitUntil(fill());
});

worker.addEventListener('activate', (event) => {
  const clear = async (): Promise<void> => {
    const own = `${PREFIX}${location.pathname}-`;
    const old = (await caches.keys()).filter((name) => name.startsWith(own) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(clear());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  const answer = async (): Promise<Response> => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept !== undefined) return kept;
    // The build of ONNX Runtime that this browser uses is not in the list.
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  };
  event.respondWith(answer());
});
