/** What several tests of weight files need. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { FinepuneError } from '../../../lib/errors.js';
import type { ModelNode, ModelSpec } from '../../../lib/models/index.js';

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'finepune-models-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Path of a committed weight file. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/weights/${name}`, import.meta.url));
}

/** A small network: convolution, normalisation, pooling, classifier; 6x6 grey images, 3 classes. */
export function smallSpec(change: (spec: ModelSpec) => void = () => {}): ModelSpec {
  const nodes: ModelNode[] = [
    {
      name: 'conv',
      op: 'Conv',
      inputs: ['input'],
      attributes: { out_channels: 4, kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
    },
    { name: 'bn', op: 'BatchNormalization', inputs: ['conv'] },
    { name: 'relu', op: 'Relu', inputs: ['bn'] },
    { name: 'pool', op: 'MaxPool', inputs: ['relu'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { name: 'flatten', op: 'Flatten', inputs: ['pool'] },
    { name: 'fc', op: 'Gemm', inputs: ['flatten'], attributes: { out_features: 3 } },
  ];
  const spec: ModelSpec = {
    name: 'small',
    input: { channels: 1, size: 6, resize: 8, channelOrder: 'GRAY', scale: 1, mean: [0], std: [1] },
    nodes,
    output: 'fc',
    head: 'fc',
  };
  change(spec);
  return spec;
}

/** start, start + 0.25, ...: the values of make_weight_files.py. */
export function counting(count: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => start + 0.25 * i);
}

/** A generator of whole numbers below a bound, from a seed (mulberry32). */
export function numbersFrom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/**
 * Damages a file in `times` seeded ways (bytes changed, cut, repeated) and reads each. Whatever the reader throws must be
 * one of the package's own errors in one line; returns how many readings failed.
 */
export async function readDamaged(
  path: string,
  times: number,
  read: (path: string) => Promise<unknown>,
): Promise<{ failed: number; messages: Set<string> }> {
  const original = readFileSync(path);
  const next = numbersFrom(original.length);
  const damagedPath = join(temporaryFolder(), `damaged${path.slice(path.lastIndexOf('.'))}`);
  const messages = new Set<string>();
  let failed = 0;
  for (let i = 0; i < times; i++) {
    let damaged = Buffer.from(original);
    if (i % 5 === 0) damaged = damaged.subarray(0, next(damaged.length));
    for (let changes = i % 5 === 0 ? 0 : 1 + next(4); changes > 0; changes--) {
      damaged[next(damaged.length)] = [0, 0xff, 0x80, next(256)][next(4)];
    }
    if (i % 7 === 0) damaged = Buffer.concat([damaged, damaged.subarray(next(damaged.length + 1))]);
    writeFileSync(damagedPath, damaged);
    try {
      await read(damagedPath);
    } catch (error) {
      failed++;
      if (!(error instanceof FinepuneError)) throw error;
      if (/[\n\r]/.test(error.message)) throw new Error(`more than one line: ${error.message}`, { cause: error });
      messages.add(error.message);
    }
  }
  return { failed, messages };
}
