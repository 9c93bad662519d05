/** How the threads of libtorch's OpenMP wait for work. It reads this from the environment once, as it loads. */

/**
 * Short: as long as waking a sleeping thread takes, a few tens of microseconds. A step has hundreds of short pieces of
 * work shared between threads, and threads that sleep after each are late for the next; threads that spin as long as they
 * do by default, for milliseconds, take the cores from image loading, the event loop and every other process.
 */
const SHORT_WAITING: Record<string, string> = { OMP_WAIT_POLICY: 'passive', GOMP_SPINCOUNT: '4000' };

let chosen = false;

/** Before the addon loads. Changes nothing where the environment says how to wait. */
export function waitShortly(): void {
  const names = Object.keys(SHORT_WAITING);
  if (names.some((name) => process.env[name] !== undefined)) return;
  Object.assign(process.env, SHORT_WAITING);
  chosen = true;
}

/** The environment as the user gave it, for other programs: they wait in their own way. */
export function givenEnvironment(): NodeJS.ProcessEnv {
  if (!chosen) return process.env;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in SHORT_WAITING)));
}
