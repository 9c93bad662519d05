import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The per-user folder for what can be made again: decoded images, the demo's pictures, libtorch. FINEPUNE_CACHE where set,
 * else $XDG_CACHE_HOME/finepune-native, else ~/.cache/finepune-native. Absolute; not created here.
 */
export function cacheDirectory(): string {
  const own = process.env.FINEPUNE_CACHE;
  if (own) return resolve(own);
  const base = process.env.XDG_CACHE_HOME;
  return join(base ? resolve(base) : join(homedir(), '.cache'), 'finepune-native');
}
