import { homedir } from 'node:os';
import { join } from 'node:path';

/** Environment variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folder for downloads: `EVENHAND_CACHE` if it is set, else `$XDG_CACHE_HOME/evenhand` or `~/.cache/evenhand` on Linux,
 * `~/Library/Caches/evenhand` on macOS, `%LOCALAPPDATA%\evenhand\Cache` on Windows. The folder may not exist yet.
 */
export function cacheFolder(env: Environment = process.env, platform: string = process.platform): string {
  if (env.EVENHAND_CACHE) return env.EVENHAND_CACHE;
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'evenhand', 'Cache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'evenhand');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evenhand');
}
