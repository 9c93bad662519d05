/** What `bench serve` says of memory on a GPU. */
import { expect, it } from 'vitest';
import { deviceRows } from '../../../lib/bench/serve/device-rows.js';

it('adds up the weights, and counts the layers that skip zeros for each kind of batch', () => {
  const layers = [
    { name: 'a', density: 0.1, single: 'sparse' as const, batched: 'dense' as const, bytes: 50 },
    { name: 'b', density: 0.02, single: 'sparse' as const, batched: 'sparse' as const, bytes: 7 },
    { name: 'c', density: 1, single: 'dense' as const, batched: 'dense' as const, bytes: 400 },
  ];
  const rows = deviceRows('net 10%', 'finepune', { layers, bytes: 1000 });
  expect(rows.map(({ name, unit, median }) => [name, unit, median])).toEqual([
    ['net 10%: weights on the device, finepune', 'bytes', 457],
    ['net 10%: memory of the device, finepune', 'bytes', 1000],
    ['net 10%: layers skipping zeros, single, finepune', 'layers', 2],
    ['net 10%: layers skipping zeros, batched, finepune', 'layers', 1],
  ]);
});
