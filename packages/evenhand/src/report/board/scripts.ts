import { bundleScript } from '../page/document.js';

/** The scripts of the board's pages and of an audit that is opened from it. */
export async function boardScripts(): Promise<{ board: string; audit: string }> {
  const [board, audit] = await Promise.all(
    ['./browser/main.js', '../audit/browser/main.js'].map((path) => bundleScript(new URL(path, import.meta.url))),
  );
  return { board: board!, audit: audit! };
}
