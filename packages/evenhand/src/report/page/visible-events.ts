/// <reference lib="dom" preserve="true" />

/**
 * Receives server-sent events while the page is visible: a browser has only six connections to a server, which the pages in
 * other tabs would hold.
 *
 * @param connect adds the listeners to a source that was opened
 */
export function receiveWhileVisible(address: string, connect: (source: EventSource) => void): void {
  let source: EventSource | undefined;
  const follow = (): void => {
    if (document.hidden) {
      source?.close();
      source = undefined;
    } else if (source === undefined) {
      source = new EventSource(address);
      connect(source);
    }
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}
