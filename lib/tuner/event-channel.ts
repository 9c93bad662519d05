/** Events from a running loop to whoever iterates them; a slow reader delays nothing. */
import { UsageError } from '../errors.js';
import type { TuneEvent } from '../run/types.js';

/** Unread progress events are dropped beyond this many events, others never. */
const UNREAD_LIMIT = 1024;

/** One writer; one reader at a time, and each event is read once. */
export class EventChannel implements AsyncIterable<TuneEvent> {
  readonly #events: TuneEvent[] = [];
  #wake: (() => void) | null = null;
  #hasReader = false;
  #closed = false;
  #error: Error | null = null;

  push(event: TuneEvent): void {
    if (event.event === 'progress' && this.#events.length >= UNREAD_LIMIT) return;
    this.#events.push(event);
    this.#wake?.();
  }

  /** Ends the iteration after what is unread; with an error, the iteration then throws it. */
  close(error: Error | null = null): void {
    this.#closed = true;
    this.#error = error;
    this.#wake?.();
  }

  /** @throws UsageError beside a loop that has not ended; the error that `close` was given. */
  async *[Symbol.asyncIterator](): AsyncIterator<TuneEvent> {
    if (this.#hasReader) {
      throw new UsageError("another loop reads this run's events, and each can be read once; read them in one loop");
    }
    this.#hasReader = true;
    try {
      for (;;) {
        const event = this.#events.shift();
        if (event !== undefined) {
          yield event;
        } else if (this.#closed) {
          if (this.#error !== null) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = null;
        }
      }
    } finally {
      this.#hasReader = false;
    }
  }
}
