/** A run directory with invented numbers, to try the report on. */

import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataEvent, LayerResult, TuneConfig, TuneEvent, TuneResult } from '../../../lib/run/types.js';

const LAYERS: [string, number][] = [
  ['conv1.weight', 34_848],
  ['conv2.weight', 307_200],
  ['conv3.weight', 884_736],
  ['conv4.weight', 663_552],
  ['conv5.weight', 442_368],
  ['fc6.weight', 37_748_736],
  ['fc7.weight', 16_777_216],
  ['fc8.weight', 40_960],
];

export interface MadeUpRun {
  rounds?: number;
  finished?: boolean;
  labels?: string[];
  layers?: [string, number][];
  /** Left out of the journal where undefined, as before runs told of it. */
  repeated?: DataEvent['repeated'];
  ignored?: DataEvent['ignored'];
}

export const config: TuneConfig = {
  data: 'photos',
  split: 1,
  model: 'bvlc_alexnet',
  weights: 'weights/bvlc_alexnet_conv.safetensors',
  out: 'run',
  partial: true,
  strict: false,
  criterion: 'dns',
  maxDrop: 0.01,
  initialSlack: 0.25,
  lambda: null,
  rounds: 6,
  evaluations: 16,
  warmupSteps: 150,
  freshSteps: 0,
  roundSteps: 50,
  finetuneSteps: 200,
  batchSize: 32,
  learningRate: 0.001,
  freshFactor: 10,
  decay: 'cosine',
  momentum: 0.9,
  weightDecay: 0.0005,
  labelSmoothing: 0,
  augmentation: 'resized-crop',
  seed: 1,
  device: 'cpu',
  precision: 'fp32',
  threads: 2,
};

/** Writes config, journal, metrics and, for a finished run, the result; returns the directory. */
export function makeUpRun({
  rounds = 6,
  finished = true,
  labels = ['banded', 'bubbly', 'dotted'],
  layers = LAYERS,
  repeated,
  ignored,
}: MadeUpRun = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'finepune-report-'));
  const journal = (event: Exclude<TuneEvent, { event: 'progress' }>): void =>
    appendFileSync(join(directory, 'journal.jsonl'), `${JSON.stringify({ ...event, rng: [1, 2] })}\n`);
  let step = 0;
  const metrics = (phase: string, steps: number, from: number, to: number): void => {
    for (let done = 5; done <= steps; done += 5) {
      step += 5;
      const share = done / steps;
      const loss = from + (to - from) * share + 0.08 * noise(step);
      appendFileSync(
        join(directory, 'metrics.jsonl'),
        `${JSON.stringify({ phase, step, loss, accuracy: Math.min(1, 1 - loss / 2.6), learningRate: 1e-3 })}\n`,
      );
    }
  };
  const total = layers.reduce((sum, [, count]) => sum + count, 0);
  const layersAt = (round: number): LayerResult[] =>
    layers.map(([name, count], place) => {
      const last = 0.02 + 0.3 / (1 + place);
      return { name, count, kept: Math.round(count * last ** (round / 6)) };
    });
  const compressionAt = (round: number): number => total / layersAt(round).reduce((sum, { kept }) => sum + kept, 0);

  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  journal({
    event: 'start',
    run: directory,
    resumed: false,
    model: 'bvlc_alexnet',
    device: 'cpu',
    threads: 2,
    seed: 1,
    precision: { asked: 'fp32', used: 'fp32' },
    parameters: total,
  });
  journal({
    event: 'data',
    layout: 'dtd',
    labels,
    fit: 400,
    tune: 400,
    test: 400,
    skipped: [{ path: '/photos/a<b>.jpg', reason: 'cut off' }],
    ...(repeated === undefined ? {} : { repeated }),
    ...(ignored === undefined ? {} : { ignored }),
  } as DataEvent);
  metrics('warmup', 150, 2.3, 0.9);
  journal({ event: 'warmup', steps: 150, loss: 0.9, tuneAccuracy: 0.744, fresh: ['fc6.weight'] });
  for (let round = 1; round <= rounds; round += 1) {
    for (let index = 0; index < 16; index += 1) {
      const compression = compressionAt(round) * (0.6 + 0.6 * Math.abs(noise(round * 40 + index)));
      const accuracy =
        0.75 - 0.02 * Math.max(0, compression / compressionAt(round) - 0.8) * (2 + noise(round + index * 3));
      journal({
        event: 'evaluation',
        round,
        index,
        point: layers.map(() => 0.5),
        thresholds: {},
        accuracy,
        deviation: 0.02,
        images: 320,
        mistakes: null,
        compression,
        feasible: accuracy > 0.744 - 0.01 * (round / 6),
        source: index === 0 ? 'incumbent' : index < 8 ? 'initial' : 'acquisition',
        strategy: index < 8 ? null : 'global',
      });
    }
    metrics('round', 50, 0.95, 0.8);
    journal({
      event: 'round',
      round,
      committed: {},
      slack: 0.01 * (round / 6),
      tuneAccuracy: 0.744 + 0.01 * noise(round),
      loss: 0.8,
      compression: compressionAt(round),
      layers: layersAt(round),
    });
  }
  if (finished) {
    for (const phase of ['compressed', 'dense'] as const) {
      metrics(phase === 'dense' ? 'dense' : 'finetune', 200, 0.8, 0.45);
      for (let done = 20; done <= 200; done += 20) {
        journal({
          event: 'finetune',
          step: done,
          steps: 200,
          loss: 0.6,
          tuneAccuracy: (phase === 'dense' ? 0.745 : 0.735) + 0.01 * noise(done) + done / 20_000,
          tuneLoss: 0.9 - done / 1000,
          best: done === 180,
          phase,
        });
      }
    }
    writeFileSync(join(directory, 'result.json'), JSON.stringify(makeUpResult(directory, total, layersAt(6))));
  }
  return directory;
}

function makeUpResult(directory: string, total: number, layers: LayerResult[]): TuneResult {
  const kept = layers.reduce((sum, layer) => sum + layer.kept, 0);
  return {
    accuracy: { dense: 0.745, compressed: 0.7375, split: 'test', images: 400 },
    parameters: { total, kept, compression: total / kept },
    bytes: { dense: total * 4, file: kept * 5, ratio: (total * 4) / (kept * 5) },
    layers,
    seconds: { decode: 8.2, search: 601, train: 1320, total: 1950 },
    peakRssBytes: 1.9e9,
    device: 'cpu',
    seed: 1,
    model: join(directory, 'model.safetensors'),
    report: join(directory, 'report.html'),
  };
}

/** In [-1, 1]; the same for the same number. */
function noise(number: number): number {
  return Math.sin(number * 12.9898) * Math.cos(number * 4.1414);
}
