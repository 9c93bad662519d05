import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { GuardedStream } from '../../../lib/cli/render/guarded-stream.js';

/** Fails from the second text on, as a disk does that was nearly full. */
class FailingStream extends EventEmitter {
  readonly texts: string[] = [];
  private readonly error: Error;

  constructor(code: string) {
    super();
    this.error = Object.assign(new Error(`${code}: cannot write`), { code });
  }

  write(text: string, done?: (error?: Error | null) => void): boolean {
    this.texts.push(text);
    const error = this.texts.length > 1 ? this.error : null;
    process.nextTick(() => {
      done?.(error);
      if (error !== null) this.emit('error', error);
    });
    return true;
  }
}

describe('GuardedStream', () => {
  it('writes nothing more after the first error', async () => {
    const stream = new FailingStream('EIO');
    const guarded = new GuardedStream(stream);
    guarded.write('one');
    guarded.write('two');
    expect(await guarded.failure()).toMatchObject({ code: 'EIO' });
    guarded.write('three');
    expect(stream.texts.filter((text) => text !== '')).toEqual(['one', 'two']);
  });

  it('has no failure where all was written', async () => {
    const guarded = new GuardedStream(new FailingStream('EIO'));
    expect(await guarded.failure()).toBeUndefined();
  });

  it('counts a reader that went away as no failure, and writes nothing more to it', async () => {
    const stream = new FailingStream('EPIPE');
    const guarded = new GuardedStream(stream);
    guarded.write('one');
    guarded.write('two');
    expect(await guarded.failure()).toBeUndefined();
    guarded.write('three');
    expect(stream.texts).not.toContain('three');
  });

  it('survives a stream that throws', async () => {
    const thrown = new Error('EIO: cannot write');
    const guarded = new GuardedStream({
      on: () => undefined,
      write: () => {
        throw thrown;
      },
    });
    guarded.write('one');
    expect(await guarded.failure()).toBe(thrown);
  });
});
