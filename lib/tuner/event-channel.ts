/** Events from a running loop to whoever iterates them; a slow reader delays nothing. */
import type { TuneEvent } from '../run/types.js';

/** Unread progress events are dropped beyond this many events, others never. */
const UNREAD_LIMIT = 1024;

/** One writer, one reader. */
export class EventChannel implements AsyncIterable<TuneEvent> {
  readonly #events: TuneEvent[] = [];
  #wake: (() => void) | null = null;
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

  async *[Symbol.asyncIterator](): AsyncIterator<TuneEvent> {
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
  }
}
