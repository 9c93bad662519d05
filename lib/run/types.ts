/** What a caller gives to `tune` and what comes back: options, events, result. */
import type { IgnoredImages } from '../data/ignored.js';
import type { RepeatedImages } from '../data/repeated.js';
import type { Precision } from '../native/addon.js';
import type { ProgressEvent } from '../progress.js';

export type { ProgressEvent };

/** Learning-rate schedule of the last fine-tuning. */
export type LearningRateDecay = 'cosine' | 'step';

export type Criterion = 'dns';

/** Everything that fixes a run; saved as RUN/config.json. Ranges are those that `tune` takes, with a UsageError for others. */
export interface TuneConfig {
  /** Folder of labelled images; null for the embedded demo. */
  data: string | null;
  /** Official split of a DTD-style folder, 1 to 1000; null for the first, or where the folder has none. */
  split: number | null;
  /** Name in models/ or path of a spec. */
  model: string;
  /** Weight file; null only for the demo. */
  weights: string | null;
  /** Run directory. */
  out: string;
  /** Let parameters the weight file lacks start fresh. */
  partial: boolean;
  /** Stop at the first image that cannot be read, and where there are images of formats that are not read. */
  strict: boolean;
  criterion: Criterion;
  /** Budget mode: largest loss of tune accuracy, share in [0, 1). Null in paper mode. */
  maxDrop: number | null;
  /** Budget mode: loss tolerated in the first round, share in [0, 1); it cools to maxDrop until the last. */
  initialSlack: number;
  /** Paper mode: weight of sparsity against error, > 0. Null in budget mode. */
  lambda: number | null;
  /** Rounds of search, commit, tune: 1 to 1000. */
  rounds: number;
  /** Candidates scored a round: 1 to 100,000. */
  evaluations: number;
  /** Training steps of the dense warm-up, one mini-batch each: 1 to 1e9. */
  warmupSteps: number;
  /** The first of them, in which only parameters that started fresh move; 0 to warmupSteps. */
  freshSteps: number;
  /** Masked training steps a round (K of METHOD.md section 1): 1 to 1e9. */
  roundSteps: number;
  /** Training steps after the masks are frozen: 1 to 1e9. */
  finetuneSteps: number;
  /** Images a training step, and at a time in evaluation: 1 to 65,536. */
  batchSize: number;
  /** Base learning rate of SGD: above 0 to 100. Schedules and `freshFactor` multiply it. */
  learningRate: number;
  /** Multiplier of the learning rate for parameters that started fresh, in the warm-up: above 0 to 1e6. */
  freshFactor: number;
  /** Fall of the learning rate over the last fine-tuning: along half a cosine, or tenfold at one half and three quarters. */
  decay: LearningRateDecay;
  /** Momentum of SGD, as PyTorch's: in [0, 1). */
  momentum: number;
  /** L2 penalty added to the gradient as in PyTorch, but for pruned weights: in [0, 1]. */
  weightDecay: number;
  /** Share of a target that goes to all classes alike, in training (Szegedy et al., CVPR 2016, section 7): in [0, 1). */
  labelSmoothing: number;
  /** How training images are varied: not, by random crops of the network's size, or by random crops resized; these two are also flipped. */
  augmentation: 'none' | 'crop' | 'resized-crop';
  /** Of everything random: a whole number from 0 to 2^53 - 2. */
  seed: number;
  /** 'auto' (the first CUDA device, or else the CPU), 'cpu', 'cuda' or 'cuda:N'. */
  device: string;
  /** Arithmetic of forward and backward; weights stay float32. */
  precision: Precision;
  /** CPU threads of training, evaluation and decoding: 1 to 1024. */
  threads: number;
}

/** Options of `tune`: a config of which only `model`, `weights`, `data` matter; the rest has defaults. */
export interface TuneOptions extends Optional<TuneConfig> {
  signal?: AbortSignal | undefined;
}

type Optional<Fields> = { [Field in keyof Fields]?: Fields[Field] | undefined };

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
  /** Image files left out because their format is not read, counted by extension: {".gif": 6}; null where there are none. */
  ignored: IgnoredImages | null;
  /** Images to tune and to test that are also among those to fit, byte for byte; null where none is. */
  repeated: RepeatedImages | null;
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
  /** Of training, since the event before. */
  loss: number;
  tuneAccuracy: number;
  tuneLoss: number;
  /** Whether these weights are kept, until others are. */
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
