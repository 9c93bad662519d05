import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AbortedError, DisposedError } from '../../../lib/errors.js';
import { Batcher, type BatcherOptions } from '../../../lib/serve/batcher.js';
import { ServeMeter } from '../../../lib/serve/metrics.js';

/** A batch under way, which the test ends. */
interface Call {
  images: readonly number[];
  /** Answers each image with itself. */
  finish: () => void;
  fail: (reason: Error) => void;
}

/** A batcher of numbers, and the batches it asked for. */
function makeBatcher(options: Partial<BatcherOptions> = {}): {
  batcher: Batcher<number>;
  calls: Call[];
  meter: ServeMeter;
} {
  const calls: Call[] = [];
  const meter = new ServeMeter();
  const run = (images: readonly number[]) =>
    new Promise<Float32Array[]>((resolve, reject) => {
      calls.push({ images, finish: () => resolve(images.map((image) => Float32Array.of(image))), fail: reject });
    });
  return { batcher: new Batcher(run, { maxBatch: 3, maxDelay: 10, ...options }, meter), calls, meter };
}

/** Lets promises settle; no time passes. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Batcher', () => {
  it('runs images in the order they came, maxBatch at a time, one batch after the other', async () => {
    const { batcher, calls, meter } = makeBatcher();
    const answers = Promise.all([1, 2, 3, 4, 5, 6, 7].map((image) => batcher.add(image)));
    expect(calls.map(({ images }) => images)).toEqual([[1, 2, 3]]);
    expect(batcher.length).toBe(4);
    calls[0].finish();
    await settle();
    expect(calls.map(({ images }) => images)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    calls[1].finish();
    await settle();
    expect(batcher.length).toBe(1);
    await vi.advanceTimersByTimeAsync(10);
    calls[2].finish();
    expect((await answers).map(([value]) => value)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(meter.read(batcher.length)).toMatchObject({
      queueLength: 0,
      images: 7,
      batches: 3,
      batchSizes: { 1: 1, 3: 2 },
    });
  });

  it('lets a batch that is not full wait for maxDelay, counted from its first image', async () => {
    const { batcher, calls } = makeBatcher();
    void batcher.add(1);
    await vi.advanceTimersByTimeAsync(6);
    void batcher.add(2);
    await vi.advanceTimersByTimeAsync(3);
    expect(calls).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.map(({ images }) => images)).toEqual([[1, 2]]);
  });

  it('runs at once where nothing shall wait, and what has waited long enough behind another batch', async () => {
    const { batcher, calls } = makeBatcher({ maxDelay: 0 });
    void batcher.add(1);
    expect(calls).toHaveLength(1);
    void batcher.add(2);
    await vi.advanceTimersByTimeAsync(5);
    expect(calls).toHaveLength(1);
    calls[0].finish();
    await settle();
    expect(calls[1].images).toEqual([2]);
  });

  it('takes an aborted image out of the queue, and refuses one whose signal has spoken', async () => {
    const { batcher, calls } = makeBatcher();
    const controller = new AbortController();
    const stopped = expect(batcher.add(1, controller.signal)).rejects.toThrow(AbortedError);
    const kept = batcher.add(2);
    controller.abort();
    await stopped;
    expect(batcher.length).toBe(1);
    await expect(batcher.add(3, AbortSignal.abort())).rejects.toThrow(AbortedError);
    await vi.advanceTimersByTimeAsync(10);
    expect(calls.map(({ images }) => images)).toEqual([[2]]);
    calls[0].finish();
    expect([...(await kept)]).toEqual([2]);
  });

  it('rejects an image that is aborted while it is computed, and answers the others of its batch', async () => {
    const { batcher, calls } = makeBatcher({ maxBatch: 2 });
    const controller = new AbortController();
    const stopped = expect(batcher.add(1, controller.signal)).rejects.toThrow(AbortedError);
    const kept = batcher.add(2);
    controller.abort();
    await stopped;
    calls[0].finish();
    expect([...(await kept)]).toEqual([2]);
  });

  it('answers what runs and what waits before it is closed, and refuses more', async () => {
    const { batcher, calls } = makeBatcher({ maxDelay: 60_000 });
    const answers = Promise.all([1, 2, 3, 4].map((image) => batcher.add(image)));
    let closed = false;
    const closing = batcher.close().then(() => (closed = true));
    await expect(batcher.add(5)).rejects.toThrow(DisposedError);
    calls[0].finish();
    await settle();
    expect(calls[1].images).toEqual([4]);
    expect(closed).toBe(false);
    calls[1].finish();
    await closing;
    expect((await answers).map(([value]) => value)).toEqual([1, 2, 3, 4]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects all images of a batch that fails, and runs the next', async () => {
    const { batcher, calls } = makeBatcher({ maxBatch: 2 });
    const failed = Promise.allSettled([batcher.add(1), batcher.add(2)]);
    const answers = Promise.all([batcher.add(3), batcher.add(4)]);
    const reason = new Error('no memory');
    calls[0].fail(reason);
    expect(await failed).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    calls[1].finish();
    expect((await answers).map(([value]) => value)).toEqual([3, 4]);
  });

  it('keeps no timer where nothing waits: the process could not end', async () => {
    const { batcher, calls } = makeBatcher({ maxDelay: 60_000 });
    const controller = new AbortController();
    const stopped = [1, 2].map((image) => expect(batcher.add(image, controller.signal)).rejects.toThrow(AbortedError));
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    await Promise.all(stopped);
    expect(vi.getTimerCount()).toBe(0);
    const answers = Promise.all([1, 2, 3].map((image) => batcher.add(image)));
    expect(vi.getTimerCount()).toBe(0);
    calls[0].finish();
    await answers;
    await batcher.close();
  });

  it('gives up all images of a signal at once, those that wait and those that are computed', async () => {
    const { batcher, calls } = makeBatcher({ maxBatch: 2 });
    const controller = new AbortController();
    const stops = [1, 2, 3, 4].map((image) =>
      expect(batcher.add(image, controller.signal)).rejects.toThrow(AbortedError),
    );
    const kept = batcher.add(5);
    controller.abort();
    await Promise.all(stops);
    expect(batcher.length).toBe(1);
    calls[0].finish();
    await vi.advanceTimersByTimeAsync(10);
    expect(calls.map(({ images }) => images)).toEqual([[1, 2], [5]]);
    calls[1].finish();
    expect([...(await kept)]).toEqual([5]);
  });

  it('listens to a signal once for all its images: Node warns of a leak from the eleventh listener on', async () => {
    const { batcher, calls } = makeBatcher({ maxBatch: 20 });
    const { signal } = new AbortController();
    const answers = Promise.all(Array.from({ length: 30 }, (_, image) => batcher.add(image, signal)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    calls[0].finish();
    await settle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10);
    calls[1].finish();
    await answers;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('takes its listener off a signal whose images failed, and has none on one that fired', async () => {
    const { batcher, calls } = makeBatcher({ maxBatch: 2 });
    const quiet = new AbortController();
    const fired = new AbortController();
    const settled = Promise.allSettled([batcher.add(1, quiet.signal), batcher.add(2, fired.signal)]);
    fired.abort();
    calls[0].fail(new Error('no memory'));
    await settled;
    for (const { signal } of [quiet, fired]) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('lets no image wait for others once hurried, and still takes more', async () => {
    const { batcher, calls } = makeBatcher({ maxDelay: 60_000 });
    const first = batcher.add(1);
    batcher.hurry();
    calls[0].finish();
    expect([...(await first)]).toEqual([1]);
    await settle();
    const second = batcher.add(2);
    calls[1].finish();
    expect([...(await second)]).toEqual([2]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
