import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where downloaded weights are kept: `EVENHAND_CACHE` where set, else the platform's folder for caches: on Linux
 * `$XDG_CACHE_HOME/evenhand` or `~/.cache/evenhand`, on macOS `~/Library/Caches/evenhand`, on Windows
 * `%LOCALAPPDATA%\evenhand\Cache`. The folder need not exist.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  if (env.EVENHAND_CACHE) return env.EVENHAND_CACHE;
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'evenhand', 'Cache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'evenhand');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evenhand');
}
