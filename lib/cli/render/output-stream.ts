/** Where the command line writes. */

import { FileError, messageOf } from '../../errors.js';

/** The part of a stream that output needs, so that a test can stand in for it. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Waits until all text is written that can be; resolves to what kept the rest from it, undefined where nothing did. */
  failure?(): Promise<Error | undefined>;
}

/**
 * Waits until all of a command's result is written.
 *
 * @param wayOut where the result is to be had then
 * @throws FileError it cannot be, and so is incomplete
 */
export async function requireWritten(stdout: OutputStream, wayOut: string): Promise<void> {
  const failure = await stdout.failure?.();
  if (failure === undefined) return;
  throw new FileError(
    `standard output cannot be written (${messageOf(failure)}): what is there is incomplete; ${wayOut}`,
    'standard output',
    { cause: failure },
  );
}
