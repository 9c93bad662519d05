/** What a caller gives to `tune` and what comes back: options, events, result. */
import type { Precision } from '../native/addon.js';
import type { ProgressEvent } from '../progress.js';

export type { ProgressEvent };

/** Learning-rate schedule of the last fine-tuning. */
export type LearningRateDecay = 'cosine' | 'step';

export type Criterion = 'dns';

/** Everything that fixes a run; saved as RUN/config.json. Units: epochs are passes over the fit images. */
export interface TuneConfig {
  /** Folder of labelled images; null for the embedded demo. */
  data: string | null;
  /** Official split number of a DTD-style folder. */
  split: number | null;
  /** Name in models/ or path of a spec. */
  model: string;
  /** Weight file; null only for the demo. */
  weights: string | null;
  /** Run directory. */
  out: string;
  /** Let parameters the weight file lacks start fresh. */
  partial: boolean;
  /** Stop at the first image that cannot be read. */
  strict: boolean;
  criterion: Criterion;
  /** Budget mode: largest loss of tune accuracy, share in [0, 1). Null in paper mode. */
  maxDrop: number | null;
  /** Budget mode: loss tolerated in the first round, share in [0, 1); it cools to maxDrop until the last. */
  initialSlack: number;
  /** Paper mode: weight of sparsity against error, > 0. Null in budget mode. */
  lambda: number | null;
  /** Rounds of search, commit, tune. */
  rounds: number;
  /** Candidates scored a round. */
  evaluations: number;
  /** Training steps of the dense warm-up. */
  warmupSteps: number;
  /** The first of them, in which only parameters that started fresh move; 0 to warmupSteps. */
  freshSteps: number;
  /** Masked training steps a round (K of METHOD.md section 1). */
  roundSteps: number;
  /** Training steps after the masks are frozen. */
  finetuneSteps: number;
  batchSize: number;
  learningRate: number;
  /** Multiplier of the learning rate for parameters that started fresh, in the warm-up. */
  freshFactor: number;
  decay: LearningRateDecay;
  momentum: number;
  weightDecay: number;
  labelSmoothing: number;
  augmentation: 'none' | 'crop' | 'resized-crop';
  seed: number;
  device: string;
  precision: Precision;
  threads: number;
}

/** Options of `tune`: a config of which only `model`, `weights`, `data` matter; the rest has defaults. */
export interface TuneOptions extends Partial<Omit<TuneConfig, 'data' | 'weights'>> {
  data?: string | null;
  weights?: string | null;
  signal?: AbortSignal;
}

export interface StartEvent {
  event: 'start';
  run: string;
  resumed: boolean;
  model: string;
  device: string;
  threads: number;
  seed: number;
  /** What the run was asked to train in, and what it does on this machine: bf16 is fp32 on a CPU without instructions for it. */
  precision: { asked: Precision; used: Precision };
  parameters: number;
}

export interface DataEvent {
  event: 'data';
  layout: string;
  labels: string[];
  fit: number;
  tune: number;
  test: number;
  skipped: { path: string; reason: string }[];
}

export interface WarmupEvent {
  event: 'warmup';
  steps: number;
  loss: number;
  /** A0 of METHOD.md section 1: accuracy on tune after the warm-up, share. */
  tuneAccuracy: number;
  fresh: string[];
}

export interface EvaluationEvent {
  event: 'evaluation';
  round: number;
  index: number;
  /** The candidate in the unit cube. */
  point: number[];
  thresholds: Record<string, number>;
  /** On all tune images; an estimate where fewer were read. */
  accuracy: number;
  /** Its standard error, share. */
  deviation: number;
  /** Tune images read. */
  images: number;
  /** Which images it got wrong, one bit each from the lowest of the first byte on, base64; null where not all were read. */
  mistakes: string | null;
  compression: number;
  feasible: boolean;
  /** How the candidate came about: the incumbent of before, initial design, or the acquisition. */
  source: 'incumbent' | 'initial' | 'acquisition';
  /** Where the acquisition looked: all over the box of the round, or in a trust region; null for the others. */
  strategy: 'global' | 'trust-region' | null;
}

export interface RoundEvent {
  event: 'round';
  round: number;
  committed: Record<string, number>;
  slack: number | null;
  /** After the round's masked training. */
  tuneAccuracy: number;
  loss: number;
  compression: number;
  layers: LayerResult[];
}

export interface FinetuneEvent {
  event: 'finetune';
  step: number;
  steps: number;
  loss: number;
  tuneAccuracy: number;
  best: boolean;
  phase: 'compressed' | 'dense';
}

export interface DoneEvent extends TuneResult {
  event: 'done';
}

export type TuneEvent =
  StartEvent | ProgressEvent | DataEvent | WarmupEvent | EvaluationEvent | RoundEvent | FinetuneEvent | DoneEvent;

export interface LayerResult {
  name: string;
  count: number;
  kept: number;
}

/** RUN/result.json. */
export interface TuneResult {
  accuracy: { dense: number; compressed: number; split: 'test'; images: number };
  parameters: { total: number; kept: number; compression: number };
  bytes: { dense: number; file: number; ratio: number };
  layers: LayerResult[];
  seconds: { decode: number; search: number; train: number; total: number };
  peakRssBytes: number;
  device: string;
  seed: number;
  model: string;
  report: string;
}
