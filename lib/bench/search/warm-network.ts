/** A network after the warm-up that `tune` would give it. */
import type { Precision } from '../../native/addon.js';
import type { ProgressEvent } from '../../progress.js';
import { completeConfig } from '../../tuner/config.js';
import { freshNodesOf, readInputs } from '../../tuner/inputs.js';
import { type OpenSession, openSession } from '../../tuner/session.js';
import { trainStage, warmupStage } from '../../tuner/training.js';

/** Which network on which images. */
export interface WarmNetworkOptions {
  model: string;
  weights: string;
  partial: boolean;
  data: string;
  split?: number | undefined;
  seed: number;
  /** Images a training step, 1 or more. */
  batchSize: number;
  threads: number;
  precision: Precision;
  /** 'cpu' or 'cuda:N'. */
  device: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((event: ProgressEvent) => void) | undefined;
}

/**
 * Reads the network and the images and warms up. Dispose of the session with `await using`.
 * @throws as `tune` does for the same inputs.
 */
export async function warmNetwork(options: WarmNetworkOptions): Promise<OpenSession> {
  const { model, weights, partial, data, split, seed, batchSize, threads, precision, device, signal } = options;
  const emit = options.onProgress ?? (() => {});
  const defaults = { data, model, weights, partial, split, seed, batchSize, threads, precision, device, out: '' };
  const provisional = completeConfig(defaults, { fitImages: 1, freshShare: 0, demo: false });
  const { images, network } = await readInputs({ ...provisional, data, weights }, emit, signal);
  const config = completeConfig(defaults, {
    fitImages: images.fit.labels.length,
    freshShare: network.freshShare,
    demo: false,
  });
  const open = await openSession({ config, device, network, images }, network.weights);
  try {
    const freshNodes = freshNodesOf(network);
    await trainStage(
      {
        session: open.session,
        samples: open.fit,
        config,
        freshNodes,
        losses: { sum: 0, steps: 0 },
        metrics: { append: () => {} },
        emit,
        signal,
      },
      warmupStage(config),
      0,
      { onMark: async () => {}, isCheckpointDue: () => false, checkpoint: async () => {} },
    );
    return open;
  } catch (error) {
    await open.session.dispose();
    throw error;
  }
}
