/** What this machine offers, and what is missing. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { cacheReport, type CacheReport } from '../data/index.js';
import { messageOf } from '../errors.js';
import type { AddonInfo, ChosenProducts } from '../native/addon.js';
import { examineLibtorch, explainNamed } from '../native/libtorch.js';
import { addonStatus, loadAddon, type AddonStatus } from '../native/load.js';

export interface Diagnosis {
  /** Everything needed to tune and serve is there. */
  ok: boolean;
  node: string;
  platform: string;
  cpu: { model: string; threads: number; memoryBytes: number; features: string[] };
  addon: AddonStatus;
  /** What the loaded addon says of itself; null where it cannot be loaded. */
  native: AddonInfo | null;
  /** How training computes common layers on this CPU; empty where the addon cannot be loaded. */
  products: ChosenProducts[];
  /** 'cpu', and one name a CUDA device. */
  devices: string[];
  codecs: { format: string; read: boolean }[];
  cache: CacheReport | null;
  /** One line each: what is wrong and how to mend it. */
  problems: string[];
}

/** Formats users' folders hold; BMP is read without sharp. */
const FORMATS = ['jpeg', 'png', 'tiff', 'webp'] as const;
/** Of the CPU's many flags those that decide how fast the kernels are. */
const FEATURES = [
  'sse4_2',
  'avx',
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512bw',
  'avx512vl',
  'avx512_vnni',
  'avx512_bf16',
  'amx_tile',
];

/** Looks at Node, the addon, libtorch, devices, image codecs and the cache. Never throws: what is wrong is in `problems`. */
export async function diagnose(): Promise<Diagnosis> {
  const addon = addonStatus();
  const problems = [...addon.errors, ...namedLibtorch()];
  const native = addon.loaded ? loadAddon().info() : null;
  const codecs = await imageCodecs(problems);
  return {
    node: process.version,
    platform: `${platform()} ${arch()}, kernel ${release()}`,
    cpu: {
      model: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
      features: await cpuFeatures(),
    },
    addon,
    native,
    products: native === null ? [] : loadAddon().chosenProducts(),
    devices: native === null ? [] : ['cpu', ...native.cudaDevices.map((name, index) => `cuda:${index} ${name}`)],
    codecs,
    cache: await cacheState(problems),
    problems,
    ok: problems.length === 0,
  };
}

/** LIBTORCH counts at the installation alone: what is linked works on, and the next installation would fail. */
function namedLibtorch(): string[] {
  const named = process.env.LIBTORCH;
  const found = named ? examineLibtorch(named) : null;
  return found !== null && 'rejected' in found ? [explainNamed(found)] : [];
}

async function imageCodecs(problems: string[]): Promise<Diagnosis['codecs']> {
  try {
    const { default: sharp } = await import('sharp');
    const codecs = FORMATS.map((format) => ({ format, read: sharp.format[format].input.buffer }));
    for (const { format, read } of codecs) {
      if (!read) problems.push(`sharp cannot read ${format} here; run: npm rebuild sharp`);
    }
    return [...codecs, { format: 'bmp', read: true }];
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n');
    problems.push(
      `sharp, which decodes images, cannot be loaded (${reason}); run: npm install --include=optional sharp`,
    );
    return [];
  }
}

async function cacheState(problems: string[]): Promise<CacheReport | null> {
  try {
    return await cacheReport();
  } catch (error) {
    problems.push(messageOf(error));
    return null;
  }
}

async function cpuFeatures(): Promise<string[]> {
  if (!existsSync('/proc/cpuinfo')) return [];
  const flags = /^flags\s*:(.*)$/m.exec(await readFile('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? [];
  return FEATURES.filter((feature) => flags.includes(feature));
}
