/** `doctor`: what this machine offers, and what is missing. */

import { defineCommand } from '../command.js';
import { formatBytes, formatShare } from '../../format.js';
import type { ChosenProducts } from '../../native/addon.js';

export const doctorCommand = defineCommand({
  name: 'doctor',
  describe: 'Node, addon, libtorch, devices, CPU features, image codecs and cache, and what to mend',
  flags: {},
  run: async (_flags, _words, { terminal, json }) => {
    const { diagnose } = await import('../../serve/diagnosis.js');
    const diagnosis = await diagnose();
    if (json) {
      terminal.json(diagnosis);
      return diagnosis.ok ? 0 : 1;
    }
    const { node, platform, cpu, addon, native, products, devices, codecs, cache, problems } = diagnosis;
    const { libtorch } = addon;
    const facts: [string, string][] = [
      ['node', node],
      ['platform', platform],
      ['cpu', `${cpu.model}, ${cpu.threads} threads, ${formatBytes(cpu.memoryBytes)} of memory`],
      ['cpu features', cpu.features.join(' ')],
      ['addon', addon.addon === null ? 'none' : `${addon.addon}${addon.loaded ? '' : ' (does not load)'}`],
      [
        'libtorch',
        libtorch === null ? 'none' : `${libtorch.version}${libtorch.cuda ? ' with CUDA' : ''}, ${libtorch.path}`,
      ],
      [
        'kernels',
        native === null
          ? '-'
          : `${native.kernels}; libtorch's ${native.cpuCapability}${native.bfloat16 ? ', bfloat16' : ''}${native.mkldnn ? ', oneDNN' : ''}${native.mkl ? ', MKL' : ''}`,
      ],
      ...layerLines(products).map((line, place): [string, string] => [place === 0 ? 'products' : '', line]),
      ['devices', devices.join('; ') || '-'],
      ['images', codecs.map(({ format, read }) => (read ? format : `${format} (not readable)`)).join(', ') || '-'],
      [
        'cache',
        cache === null
          ? '-'
          : `${cache.directory}, ${cache.files} files, ${formatBytes(cache.bytes)} of ${formatBytes(cache.budget)}`,
      ],
    ];
    for (const [name, value] of facts) terminal.print(`${name.padEnd(13)} ${value}`);
    for (const problem of problems) terminal.note(`problem: ${problem}`);
    terminal.print(problems.length === 0 ? 'all is well' : `${problems.length} to mend`);
    return problems.length === 0 ? 0 : 1;
  },
});

/** One line a layer: how it is computed at each density. */
function layerLines(products: ChosenProducts[]): string[] {
  const lines = new Map<string, string[]>();
  for (const { layer, density, products: way } of products) {
    lines.set(layer, [...(lines.get(layer) ?? []), density === 1 ? way : `${way} at ${formatShare(density)}`]);
  }
  return [...lines].map(([layer, ways]) => `${layer}: ${ways.join(', ')}`);
}
