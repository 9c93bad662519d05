import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { DisposedError, UsageError } from '../../../lib/errors.js';
import { validateSpec } from '../../../lib/models/index.js';
import type { RawImage } from '../../../lib/serve/image-input.js';
import { Model } from '../../../lib/serve/model.js';

const LABELS = ['dark', 'bright'];
const spec = validateSpec(
  {
    name: 'shades',
    input: { channels: 3, size: 2, resize: 2, channelOrder: 'RGB', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
    nodes: [
      { name: 'conv', op: 'Conv', inputs: ['input'], attributes: { out_channels: 2, kernel_shape: [1, 1] } },
      { name: 'pool', op: 'GlobalAveragePool', inputs: ['conv'] },
      { name: 'flat', op: 'Flatten', inputs: ['pool'] },
    ],
    output: 'flat',
    head: 'conv',
  },
  'shades.json',
);

/** A model whose network finds every image bright, and what was done to that network. */
function makeModel({ maxBatch = 4, maxDelay = 0, onRun = () => {} } = {}): { model: Model; done: string[] } {
  const done: string[] = [];
  const backend = {
    run: (_: Uint8Array | Float32Array, shape: readonly number[]) => {
      done.push(`run ${shape[0]}`);
      onRun();
      const logits = Float32Array.from({ length: 2 * shape[0] }, (__, index) => index % 2);
      return Promise.resolve({ logits, shape: [shape[0], 2] satisfies [number, number] });
    },
    describe: () => null,
    dispose: () => {
      done.push('dispose');
      return Promise.resolve();
    },
  };
  return { model: new Model({ spec, labels: LABELS, backend, maxBatch, maxDelay }), done };
}

const image: RawImage = { data: new Uint8Array(3 * 4 * 4), width: 4, height: 4, channels: 3 };
const listOf = (length: number): RawImage[] => Array.from({ length }, () => image);

describe('a model disposed of while images are decoded', () => {
  it('answers the calls under way, then frees the network, and refuses more', async () => {
    const { model, done } = makeModel();
    const one = model.classify(image, { top: 1 });
    // Longer than what is decoded at a time: some of it has not begun yet.
    const list = model.classify(listOf(20), { top: 1, settle: true });
    const disposal = model.dispose();
    await expect(model.classify(image)).rejects.toThrow(DisposedError);
    await Promise.all([disposal, model.dispose()]);
    const bright = [{ label: 'bright', probability: expect.any(Number) as number }];
    expect(await one).toEqual(bright);
    expect(await list).toEqual(Array.from({ length: 20 }, () => bright));
    expect(done.indexOf('dispose')).toBe(done.length - 1);
  });

  it('lets none of them wait for images that cannot come any more', async () => {
    const { model, done } = makeModel({ maxDelay: 60_000 });
    const answer = model.classify(image);
    await model.dispose();
    expect(await answer).toHaveLength(2);
    expect(done).toEqual(['run 1', 'dispose']);
  });

  it('frees the network after a call that fails, too', async () => {
    const { model, done } = makeModel();
    const failing = expect(model.classify(Buffer.from('no picture'))).rejects.toMatchObject({ code: 'E_IMAGE' });
    await model.dispose();
    await failing;
    expect(done).toEqual(['dispose']);
  });
});

describe('a signal given to a model', () => {
  it('has one listener while a long list is classified, and none afterwards', async () => {
    const { signal } = new AbortController();
    const listeners: number[] = [];
    const onRun = () => listeners.push(getEventListeners(signal, 'abort').length);
    const { model } = makeModel({ maxBatch: 16, maxDelay: 50, onRun });
    await Promise.all([model.classify(listOf(40), { signal }), model.classify(image, { signal })]);
    expect(Math.max(...listeners)).toBe(1);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await model.dispose();
  });
});

describe('a model asked wrongly', () => {
  it.each<[string, unknown, RegExp]>([
    ['top', { top: '3' }, /^expected a whole number 1 or more for top but received "3"$/],
    ['signal', { signal: {} }, /^expected an AbortSignal for signal but received an object$/],
    ['settle', { settle: 'yes' }, /^expected true or false for settle but received "yes"$/],
    ['options', null, /^expected an object of options for classify but received null$/],
    ['a name', { tops: 3 }, /^unknown option "tops" of classify; did you mean top\?$/],
  ])('refuses %s of classify', async (_, options, message) => {
    const { model } = makeModel();
    await expect(model.classify(image, options as never)).rejects.toThrow(UsageError);
    await expect(model.classify(image, options as never)).rejects.toThrow(message);
    await model.dispose();
  });

  it('says which shape run needs where it got none', async () => {
    const { model } = makeModel();
    const answer = model.run(new Float32Array(12), undefined as never);
    await expect(answer).rejects.toThrow(UsageError);
    await expect(answer).rejects.toThrow(/^expected shape \[batch, 3, 2, 2\] but received undefined$/);
    const { logits } = await model.run(new Float32Array(12), [1, 3, 2, 2]);
    expect(logits).toHaveLength(2);
    await model.dispose();
  });
});
