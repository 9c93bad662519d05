/** Standard output or standard error, which may fail under work that takes hours: a full disk, a terminal that is gone. */

import type { OutputStream } from './output-stream.js';

/** The part of `process.stdout` this needs. */
export interface StandardStream {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Takes nothing more after its first error, so that the telling ends and the work goes on. */
export class GuardedStream implements OutputStream {
  private error: Error | undefined;

  constructor(private readonly stream: StandardStream) {
    stream.on('error', (error) => this.remember(error));
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  get columns(): number {
    return this.stream.columns ?? 80;
  }

  write(text: string): void {
    if (this.error !== undefined) return;
    try {
      this.stream.write(text);
    } catch (error) {
      this.remember(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async failure(): Promise<Error | undefined> {
    if (this.error === undefined) {
      await new Promise<void>((resolve) => {
        this.stream.write('', (error) => {
          if (error != null) this.remember(error);
          resolve();
        });
      });
    }
    // A reader that went away (`finepune-native tune | head -1`) has what it wanted.
    return isBrokenPipe(this.error) ? undefined : this.error;
  }

  private remember(error: Error): void {
    this.error ??= error;
  }
}

function isBrokenPipe(error: Error | undefined): boolean {
  return error !== undefined && 'code' in error && error.code === 'EPIPE';
}
