/** Runs one stage of training in slices: progress, metrics, checkpoints and cancellation happen in between. */
import { AbortedError } from '../errors.js';
import type { Augmentation, SampleList, SurgerySchedule } from '../native/addon.js';
import type { Session } from '../native/session.js';
import type { JsonLinesFile } from '../run/json-lines.js';
import { ProgressMeter } from '../progress.js';
import type { ProgressEvent, TuneConfig } from '../run/types.js';
import { warmupFactor } from './schedule.js';

/** Steps a slice. Fixed, so that metrics do not depend on how fast the machine is. */
const SLICE_STEPS = 5;

/** One stage: warm-up, a round's masked training, the last fine-tuning, or the dense reference. */
export interface TrainingStage {
  /** For the progress display. */
  task: string;
  /** For metrics.jsonl. */
  label: { phase: 'warmup' | 'round' | 'finetune' | 'dense'; round?: number };
  /** Global number of the stage's first step. */
  firstStep: number;
  steps: number;
  /** Factor of the base learning rate at a step 0..steps-1 of the stage. */
  learningRateFactor: (step: number) => number;
  surgery: SurgerySchedule | null;
  /** Steps at the start in which only fresh parameters move. */
  freshSteps: number;
  /** How much faster fresh parameters learn than the others. */
  freshFactor: number;
  /** Steps after which `onMark` is called; the last step always is one. */
  markEvery: number;
}

/** What the loop does on the way. */
export interface TrainingHooks {
  /** At every mark, before the checkpoint: `step` steps of the stage are done, with this mean loss since the mark before. */
  onMark: (step: number, loss: number) => Promise<void>;
  /** Whether a checkpoint in the middle of the stage is worth its time. */
  isCheckpointDue: () => boolean;
  /** Writes a checkpoint that says `step` steps of the stage are done. */
  checkpoint: (step: number) => Promise<void>;
}

/** Losses since the last mark. */
export interface LossSum {
  sum: number;
  steps: number;
}

/** What training needs besides the stage. */
export interface TrainingContext {
  session: Session;
  samples: SampleList;
  config: TuneConfig;
  /** Nodes whose parameters started fresh. */
  freshNodes: readonly string[];
  /** Kept up to date; it goes into checkpoints, so that a mean is the same after a resume. */
  losses: LossSum;
  /** Where a line a slice goes. */
  metrics: Pick<JsonLinesFile, 'append'>;
  emit: (event: ProgressEvent) => void;
  signal: AbortSignal | undefined;
}

/** The dense warm-up of a run. */
export function warmupStage(config: TuneConfig): TrainingStage {
  return {
    task: 'warm-up',
    label: { phase: 'warmup' },
    firstStep: 0,
    steps: config.warmupSteps,
    learningRateFactor: warmupFactor,
    surgery: null,
    freshSteps: config.freshSteps,
    freshFactor: config.freshFactor,
    markEvery: config.warmupSteps,
  };
}

/** Augmentation of a configuration; the ranges of random resized crops suit fine-tuning with few images. */
function augmentationOf(config: TuneConfig): Augmentation {
  return {
    kind: config.augmentation,
    areaRange: [0.4, 1],
    aspectRange: [3 / 4, 4 / 3],
    horizontalFlip: config.augmentation !== 'none',
    verticalFlip: false,
  };
}

/**
 * Trains from step `from` of the stage to its end.
 * @throws AbortedError after a checkpoint when the signal fires; NumericsError when the loss is not finite.
 */
export async function trainStage(
  context: TrainingContext,
  stage: TrainingStage,
  from: number,
  hooks: TrainingHooks,
): Promise<void> {
  const { session, samples, config, losses, signal } = context;
  const meter = new ProgressMeter(stage.task, 'steps', stage.steps, context.emit, from);
  let step = from;
  while (step < stage.steps) {
    const mark = Math.min(stage.steps, (Math.floor(step / stage.markEvery) + 1) * stage.markEvery);
    // Slices start at multiples of their length even after a resume in the middle of one.
    const edge = step < stage.freshSteps ? Math.min(mark, stage.freshSteps) : mark;
    const steps = Math.min(edge, (Math.floor(step / SLICE_STEPS) + 1) * SLICE_STEPS) - step;
    const learningRates = Float64Array.from(
      { length: steps },
      (_, index) => config.learningRate * stage.learningRateFactor(step + index),
    );
    const result = await session.train(
      {
        samples,
        firstStep: stage.firstStep + step,
        learningRates,
        batchSize: config.batchSize,
        learningRateFactors: learningRateFactorsOf(context, stage, step),
        momentum: config.momentum,
        weightDecay: config.weightDecay,
        labelSmoothing: config.labelSmoothing,
        dropout: true,
        clipNorm: CLIP_NORM,
        augmentation: augmentationOf(config),
        surgery: stage.surgery,
      },
      { signal },
    );
    step += result.steps;
    losses.sum += result.loss * result.steps;
    losses.steps += result.steps;
    meter.report(step);
    if (result.steps > 0) {
      context.metrics.append({
        ...stage.label,
        step: stage.firstStep + step,
        loss: result.loss,
        accuracy: result.accuracy,
        learningRate: learningRates[result.steps - 1],
      });
    }
    if (step === mark) {
      const loss = losses.sum / Math.max(1, losses.steps);
      losses.sum = 0;
      losses.steps = 0;
      await hooks.onMark(step, loss);
    }
    if (signal?.aborted) {
      await hooks.checkpoint(step);
      throw new AbortedError(`stopped in ${stage.task} after ${step} of ${stage.steps} steps`);
    }
    if (step < stage.steps && hooks.isCheckpointDue()) await hooks.checkpoint(step);
  }
}

/** Fresh parameters learn faster; the others stand still where only the fresh ones move. */
function learningRateFactorsOf(
  { session, freshNodes }: TrainingContext,
  { freshSteps, freshFactor }: TrainingStage,
  step: number,
): Record<string, number> {
  const factors: Record<string, number> = {};
  if (step < freshSteps) for (const { node } of session.describeParameters()) factors[node] = 0;
  for (const node of freshNodes) factors[node] = freshFactor;
  return factors;
}

/** Gradient norm above which a step is scaled down: fresh layers meet large gradients in their first steps. */
const CLIP_NORM = 10;
