/** A session that holds a loaded network and only runs it. */

import { availableParallelism } from 'node:os';
import { text, wholeNumber, type Rules } from '../arguments.js';
import { toGraph, toNormalization } from '../models/index.js';
import { Session } from '../native/session.js';
import { resolveDevice } from '../native/device.js';
import type { LoadedNetwork } from './source.js';

export interface ServingOptions {
  /** 'auto' (the default), 'cpu' or 'cuda:N'. */
  device?: string | undefined;
  /** CPU threads, 1 to 1024; the number of cores if not given. */
  threads?: number | undefined;
}

/** What these options may be. */
export const SERVING_RULES: Rules<ServingOptions> = { device: text, threads: wholeNumber(1, 1024) };

/** Seed of what an untuned network's weight file lacks; fixed, so that two loads agree. */
const FRESH_SEED = 0;

/**
 * Puts a network into a session of its own.
 *
 * @throws DeviceError the device is not there; NativeLoadError the addon cannot be loaded
 */
export async function openServingSession(
  network: LoadedNetwork,
  { device, threads }: ServingOptions,
): Promise<Session> {
  const session = await Session.create({
    graph: toGraph(network.spec),
    normalization: toNormalization(network.spec),
    device: resolveDevice(device ?? 'auto'),
    threads: threads ?? availableParallelism(),
    precision: 'fp32',
    seed: FRESH_SEED,
  });
  try {
    if (network.fresh.length > 0) await session.initializeParameters({ names: network.fresh, seed: FRESH_SEED });
    const tensors = Object.fromEntries([...network.tensors].map(([name, { data }]) => [name, data]));
    await session.setTensors({ role: 'parameter', tensors });
  } catch (error) {
    await session.dispose();
    throw error;
  }
  return session;
}
