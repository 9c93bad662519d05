/** What a network served on a GPU says of itself, beside its times. */

import type { ServedNetworkDescription } from '../../native/addon.js';
import { rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';

/** Memory on the device (weights, and all with the values of the largest batch), and how many layers skip zeros. */
export function deviceRows(label: string, contender: string, { layers, bytes }: ServedNetworkDescription): BenchRow[] {
  const weights = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  const skipping = (form: 'single' | 'batched') => layers.filter((layer) => layer[form] === 'sparse').length;
  return [
    rowOf(`${label}: weights on the device, ${contender}`, 'bytes', 'low', [weights]),
    rowOf(`${label}: memory of the device, ${contender}`, 'bytes', 'low', [bytes]),
    rowOf(`${label}: layers skipping zeros, single, ${contender}`, 'layers', 'high', [skipping('single')]),
    rowOf(`${label}: layers skipping zeros, batched, ${contender}`, 'layers', 'high', [skipping('batched')]),
  ];
}
