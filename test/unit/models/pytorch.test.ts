import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../../lib/errors.js';
import { readWeights } from '../../../lib/models/index.js';
import { unpickle } from '../../../lib/models/pickle.js';
import { stateDictRules } from '../../../lib/models/torch-objects.js';
import { counting, fixture, readDamaged, temporaryFolder } from './support.js';

/** The state dict of make_weight_files.py, written out. */
const EXPECTED: [string, number[], number[]][] = [
  ['conv.weight', [2, 3, 2, 2], counting(24, -2)],
  ['conv.bias', [2], [5, 5.25]],
  ['half', [5], [-0.5, -0.25, 0, 0.25, 0.5]],
  ['bfloat', [5], [-0.5, -0.25, 0, 0.25, 0.5]],
  ['double', [5], [-0.5, -0.25, 0, 0.25, 0.5]],
  ['transposed', [3, 2], [0, 0.75, 0.25, 1, 0.5, 1.25]],
  ['tied.first', [8], counting(8, -1)],
  ['tied.second', [8], counting(8, -1)],
  ['view', [3], [-0.5, -0.25, 0]],
  ['empty', [0, 3], []],
  ['scalar', [], [1.5]],
];

async function read(name: string): Promise<[string, number[], number[]][]> {
  const { format, tensors } = await readWeights(fixture(name));
  expect(format).toBe('pytorch');
  return [...tensors].map(([key, { shape, data }]) => [key, shape, [...data]]);
}

describe('readWeights of .pth', () => {
  it.each([
    ['plain.pth', 'as torch.save writes it'],
    ['protocol4.pth', 'pickled with protocol 4'],
    ['legacy.pth', 'in the format before 1.6'],
    ['wrapped.pth', 'inside {"state_dict": ...} with "module." prefixes'],
  ])('reads %s, a state dict %s: every element type, strides, views, tied weights', async (name) => {
    expect(await read(name)).toEqual(EXPECTED);
  });

  it('reads parameters inside {"model": ...}', async () => {
    expect(await read('parameters.pt')).toEqual([
      ['weight', [2, 2], [0, 0.25, 0.5, 0.75]],
      ['bias', [2], [1, 1.25]],
    ]);
  });

  it('reads the archive of a big-endian machine', async () => {
    expect(await read('big_endian.pth')).toEqual([
      ['a', [2, 3], counting(6)],
      ['b', [4], counting(4, -1)],
    ]);
  });

  it('gives tied weights arrays of their own', async () => {
    const { tensors } = await readWeights(fixture('plain.pth'));
    tensors.get('tied.first')!.data[0] = 99;
    expect(tensors.get('tied.second')!.data[0]).toBe(-1);
  });

  it.each([
    ['malicious_system.pth', 'posix.system'],
    ['malicious_eval.pth', '(?:__builtin__|builtins).eval'],
    ['whole_module.pth', 'torch.nn.modules.linear.Linear'],
  ])('refuses %s by the name of its global and runs nothing', async (name, global) => {
    await expect(readWeights(fixture(name))).rejects.toThrow(WeightsError);
    await expect(readWeights(fixture(name))).rejects.toThrow(
      new RegExp(
        `${name}: its pickle wants the Python global "${global}".*torch\\.save\\(model\\.state_dict\\(\\), path\\)`,
      ),
    );
    expect(existsSync('finepune-was-here')).toBe(false);
  });

  it('says that a TorchScript program is none', async () => {
    await expect(readWeights(fixture('torchscript.pt'))).rejects.toThrow(/TorchScript program, not weights/);
  });

  it('refuses a changed tensor by its checksum', async () => {
    const bytes = readFileSync(fixture('plain.pth'));
    const value = Buffer.from(Float32Array.of(5, 5.25).buffer);
    bytes.writeFloatLE(6, bytes.indexOf(value));
    const path = join(temporaryFolder(), 'changed.pth');
    writeFileSync(path, bytes);
    await expect(readWeights(path)).rejects.toThrow(/checksum of its storage "1" is wrong/);
  });

  it.each(['plain.pth', 'legacy.pth'])('refuses %s cut anywhere', async (name) => {
    const bytes = readFileSync(fixture(name));
    const path = join(temporaryFolder(), name);
    for (let length = 2; length < bytes.length; length += 61) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(readWeights(path)).rejects.toThrow(WeightsError);
    }
  });

  it.each(['plain.pth', 'legacy.pth', 'protocol4.pth'])(
    'answers every damaged %s with a typed error or with tensors',
    async (name) => {
      const { failed, messages } = await readDamaged(fixture(name), 1500, readWeights);
      expect(failed).toBeGreaterThan(500);
      expect(messages.size).toBeGreaterThan(20);
    },
    60_000,
  );
});

describe('unpickle', () => {
  const rules = stateDictRules((message) => {
    throw new WeightsError(message);
  });
  const run = (...parts: (string | number[])[]): unknown =>
    unpickle(
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))),
      0,
      rules,
    ).value;

  it('reads the plain values of every protocol', () => {
    expect(run('(K\x01M\x02\x01J\xff\xff\xff\xffN\x88\x89X\x01\x00\x00\x00aI7\nI01\nL-9L\ntq\x00.')).toEqual([
      1,
      258,
      -1,
      null,
      true,
      false,
      'a',
      7,
      true,
      -9,
    ]);
    expect(run('G', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], '.')).toBe(1.5);
    expect(run('\x8a\x02\x00\xff.')).toBe(-256);
    expect(run('}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02u.')).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    expect(run(']q\x01(K\x01K\x02e0h\x01.')).toEqual([1, 2]);
  });

  it.each([
    ['os.system through GLOBAL', "cos\nsystem\n(S'id'\ntR.", /"os.system"/],
    ['os.system through INST', "(S'id'\nios\nsystem\n.", /"os.system"/],
    ['os.system through STACK_GLOBAL', '\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.', /"os.system"/],
    ['eval', "c__builtin__\neval\n(S'1'\ntR.", /"__builtin__.eval"/],
    ['getattr of an allowed module', 'ctorch\nload\n.', /"torch.load"/],
    [
      'a module of the name of an allowed class',
      'ccollections.OrderedDict\n__init__\n.',
      /"collections.OrderedDict.__init__"/,
    ],
    ['a property of every object', 'ctorch\nconstructor\n.', /"torch.constructor"/],
    ['a line break in a name', '\x8c\x02o\n\x8c\x01s\x93.', /"o\\n.s"/],
    ['a call of what is no global', 'K\x01)R.', /cannot be called/],
    ['a call of a storage type', 'ctorch\nFloatStorage\n)R.', /cannot be called/],
    ['a state for a list', '](K\x01lb.', /state of what has none/],
    ['an empty stack', '.', /empty stack/],
    ['a missing mark', 't.', /lacks a mark/],
    ['an unknown memo', 'h\x07.', /recalls/],
    ['a string longer than the file', 'X\xff\xff\xff\xff', /cut off/],
    ['a whole number of a megabyte', `\x8b\x00\x00\x10\x00${'\x01'.repeat(100)}.`, /whole number of/],
    ['an extension code', '\x82\x01.', /opcode 0x82/],
    ['no end', 'N', /cut off/],
    [
      'a tensor beyond its storage',
      "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\x04tQK\x02(K\x03t(K\x01ttR.",
      /beyond its storage of 4/,
    ],
    [
      'an expanded tensor',
      "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\x04tQK\x00(J\x00\x00\x00\x40t(K\x00ttR.",
      /beyond its storage of 4/,
    ],
  ])('refuses %s', (_, pickle, message) => {
    expect(() => run(pickle)).toThrow(WeightsError);
    expect(() => run(pickle)).toThrow(message);
  });

  it('does not let a list that is named again and again fill the memory', () => {
    const list = `](${'K\x01K\x02\x86'.repeat(20_000)}eq\x00`;
    const again = `ccollections\nOrderedDict\nh\x00\x85R`.repeat(200);
    expect(() => run(`${list}${again}.`)).toThrow(/dicts without end/);
  });
});
