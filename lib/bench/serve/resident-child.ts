/** The process of resident.ts: opens one contender, runs a batch, and tells its parent what memory that took. */

import { setTimeout as sleep } from 'node:timers/promises';
import { openLibtorch, openOnnxruntime, openServed, type Contender } from './contenders.js';
import type { ResidentRequest } from './resident.js';
import { openSubject } from './subjects.js';

const { subject, variant, contender, threads, batch } = JSON.parse(process.argv[2]) as ResidentRequest;

/** Memory that JavaScript no longer needs is given back, buffers included. */
async function collect(): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
}

async function open(): Promise<{ opened: Contender; shape: [number, number, number, number] }> {
  const { spec, full, variants } = await openSubject(subject);
  const tensors = variants.find(({ name }) => name === variant)?.tensors() ?? full;
  const { channels, size } = spec.input;
  const openers = {
    onnxruntime: () => openOnnxruntime(spec, full, threads),
    libtorch: () => openLibtorch(spec, full, threads),
    dense: () => openServed(spec, full, { device: 'cpu', threads, largestBatch: batch, forms: 'measured-dense' }),
    finepune: () => openServed(spec, tensors, { device: 'cpu', threads, largestBatch: batch, forms: 'measured' }),
  };
  return { opened: await openers[contender](), shape: [batch, channels, size, size] };
}

await collect();
const before = process.memoryUsage.rss();
const { opened, shape } = await open();
await opened.run(new Float32Array(shape.reduce((product, size) => product * size, 1)), shape);
await collect();
process.send?.(process.memoryUsage.rss() - before);
await opened.dispose();
process.disconnect();
