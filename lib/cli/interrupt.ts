/** Ctrl-C: once asks the work to stop after a checkpoint, twice leaves at once. */

/** Exit status of an interrupted command. */
const INTERRUPTED = 130;

/** What the first Ctrl-C prints while images are decoded. */
export const KEEPING_IMAGES =
  'interrupted: saving the images decoded so far; press Ctrl-C again to leave at once without them';

export interface Interrupt {
  /** Aborted at the first Ctrl-C (or SIGTERM, which schedulers send before they kill). */
  signal: AbortSignal;
  /**
   * Called by a command that answers `signal`; `notice` is what the first Ctrl-C prints. A command that never arms is
   * ended by the first Ctrl-C, since it has nothing to save.
   */
  arm: (notice: string) => void;
  /** Takes the handlers away again. */
  release: () => void;
}

/** The part of `process` this needs, so that a test can stand in for it. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * Listens for SIGINT and SIGTERM on `source`.
 *
 * @param source usually `process`
 * @param print writes one line where the user sees it
 */
export function exitWhenInterrupted(source: SignalSource, print: (line: string) => void): Interrupt {
  const controller = new AbortController();
  let notice: string | undefined;
  const listener = (): void => {
    if (notice === undefined || controller.signal.aborted) {
      source.exit(INTERRUPTED);
      return;
    }
    print(notice);
    controller.abort();
  };
  source.on('SIGINT', listener);
  source.on('SIGTERM', listener);
  return {
    signal: controller.signal,
    arm: (text) => {
      notice = text;
    },
    release: () => {
      source.off('SIGINT', listener);
      source.off('SIGTERM', listener);
    },
  };
}
