/** Every entry of the API refuses arguments of a wrong type with a UsageError that names them; none of this needs the addon. */
import { describe, expect, it } from 'vitest';
import * as api from '../../lib/index.js';
import { describeValue, resume, tune, UsageError } from '../../lib/index.js';

/** The API as JavaScript calls it. */
type Untyped = Record<
  'buildReport' | 'evaluate' | 'inspect' | 'loadModel' | 'pack' | 'unpack',
  (...given: unknown[]) => Promise<unknown>
>;
const { buildReport, evaluate, inspect, loadModel, pack, unpack } = api as unknown as Untyped;
const MODEL = 'model.safetensors';
const NETWORK = { model: 'lenet5', weights: 'lenet5.caffemodel' };

describe('an argument of a wrong type', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'part',
      () => evaluate(MODEL, { data: 'd', part: 'foo' }),
      /^expected one of fit, tune, test, all for part but received "foo"$/,
    ],
    ['data that is missing', () => evaluate(MODEL, {}), /^expected a path for data but received undefined$/],
    [
      'options that are missing',
      () => evaluate(MODEL),
      /^expected an object of options for evaluate but received undefined$/,
    ],
    [
      'onProgress',
      () => evaluate(MODEL, { data: 'd', onProgress: {} }),
      /^expected a function for onProgress but received an object$/,
    ],
    [
      'signal',
      () => evaluate(MODEL, { data: 'd', signal: {} }),
      /^expected an AbortSignal for signal but received an object$/,
    ],
    [
      'batchSize',
      () => evaluate(MODEL, { data: 'd', batchSize: '32' }),
      /^expected a whole number from 1 to 65536 for batchSize but received "32"$/,
    ],
    ['a run to report on', () => buildReport(), /^expected a path for run but received undefined$/],
    ['where a report goes', () => buildReport('run', { out: 5 }), /^expected a path for out but received 5$/],
    ['no options', () => buildReport('run', null), /^expected an object of options for buildReport but received null$/],
    ['a file to inspect', () => inspect(), /^expected a path for path but received undefined$/],
    [
      'a model to inspect',
      () => inspect(MODEL, { model: 5 }),
      /^expected a name in models\/ or a path for model but received 5$/,
    ],
    ['a file to pack', () => pack(), /^expected a path for path but received undefined$/],
    ['a file to pack to', () => pack('a.pth'), /^expected a path for out but received undefined$/],
    [
      'values',
      () => pack('a.pth', 'b', { values: 'cb9' }),
      /^expected one of float32, .*, cb8 for values but received "cb9"$/,
    ],
    ['a file to unpack to', () => unpack('a'), /^expected a path for out but received undefined$/],
    [
      'no source',
      () => loadModel(),
      /^expected a model file's path or \{ model, weights \} for the source but received undefined$/,
    ],
    ['a source of null', () => loadModel(null), /for the source but received null$/],
    ['a URL as source', () => loadModel(new URL('file:///model')), /for the source but received an instance of URL$/],
    ['no weights', () => loadModel({ model: 'demo' }), /^expected a path for weights but received undefined$/],
    [
      'labels',
      () => loadModel({ ...NETWORK, labels: [1, 2] }),
      /^expected a list of texts for labels but received an array$/,
    ],
    [
      'labels that are one text',
      () => loadModel({ ...NETWORK, labels: 'oak' }),
      /^expected a list of texts for labels but received "oak"$/,
    ],
    ['partial', () => loadModel({ ...NETWORK, partial: 1 }), /^expected true or false for partial but received 1$/],
    [
      'maxDelay',
      () => loadModel(MODEL, { maxDelay: '5' }),
      /^expected 0 to 60000 milliseconds for maxDelay but received "5"$/,
    ],
    [
      'maxBatch',
      () => loadModel(MODEL, { maxBatch: '3' }),
      /^expected a whole number from 1 to 4096 for maxBatch but received "3"$/,
    ],
    [
      'threads',
      () => loadModel(MODEL, { threads: 0 }),
      /^expected a whole number from 1 to 1024 for threads but received 0$/,
    ],
    [
      'no options to load with',
      () => loadModel(MODEL, null),
      /^expected an object of options for loadModel but received null$/,
    ],
    ['out', () => tune({ out: 5 } as never).result, /^expected a path for out but received 5$/],
    ['an empty out', () => tune({ out: '' }).result, /^expected a path for out but received ""$/],
    [
      'model',
      () => tune({ model: 5, data: 'd', weights: 'w' } as never).result,
      /^expected a name in models\/ or a path for model but received 5$/,
    ],
    [
      'signal',
      () => tune({ signal: {} } as never).result,
      /^expected an AbortSignal for signal but received an object$/,
    ],
    ['options that are none', () => tune(5 as never).result, /^expected an object of options for tune but received 5$/],
    ['a run to resume', () => resume(undefined as never).result, /^expected a path for run but received undefined$/],
    [
      'a signal',
      () => resume('run', { signal: 5 } as never).result,
      /^expected an AbortSignal for signal but received 5$/,
    ],
  ])('is refused by name: %s', async (_, call, message) => {
    const error: unknown = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
  });

  it('reaches whoever iterates a run too', async () => {
    const events = tune({ out: 5 } as never)[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toThrow(UsageError);
  });
});

describe('an option nobody knows', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'evaluate',
      () => evaluate(MODEL, { data: 'd', batchsize: 2 }),
      /^unknown option "batchsize" of evaluate; did you mean batchSize\?$/,
    ],
    [
      'loadModel',
      () => loadModel(MODEL, { maxbatch: 2 }),
      /^unknown option "maxbatch" of loadModel; did you mean maxBatch\?$/,
    ],
    [
      'a network',
      () => loadModel({ ...NETWORK, label: [] }),
      /^unknown option "label" of the source; did you mean labels\?$/,
    ],
    ['buildReport', () => buildReport('run', { path: 'a' }), /^unknown option "path" of buildReport; known: out$/],
    ['tune', () => tune({ maxdrop: 1 } as never).result, /^unknown option "maxdrop" of tune; did you mean maxDrop\?$/],
    ['resume', () => resume('run', { out: 'b' } as never).result, /^unknown option "out" of resume; known: signal$/],
  ])('is refused by %s', async (_, call, message) => {
    const answer = call();
    await expect(answer).rejects.toThrow(message);
    await expect(answer).rejects.toThrow(UsageError);
  });
});

describe('describeValue', () => {
  it.each<[unknown, string]>([
    ['3', '"3"'],
    [3, '3'],
    [3n, '3n'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 0, 'a function'],
    [[1], 'an array'],
    [Object.create(null), 'an object'],
    [new Map(), 'an instance of Map'],
    ['x'.repeat(1000), `"${'x'.repeat(80)}"...`],
  ])('says what %s is', (value, words) => {
    expect(describeValue(value)).toBe(words);
  });
});
