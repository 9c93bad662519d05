/** From what a caller asked for to a complete, checked configuration. */
import { availableParallelism } from 'node:os';
import {
  abortSignal,
  checkFields,
  modelName,
  nullable,
  numberWithin,
  oneOf,
  path,
  text,
  trueOrFalse,
  wholeNumber,
  type NumberRange,
  type Rule,
  type Rules,
} from '../arguments.js';
import { UsageError } from '../errors.js';
import type { Criterion, TuneConfig, TuneOptions } from '../run/types.js';

/** What the defaults depend on. */
export interface DefaultsContext {
  /** Images in the fit set. */
  fitImages: number;
  /** Share of the network's weights that start fresh, in [0, 1]. */
  freshShare: number;
  demo: boolean;
}

/** Pruning criteria a run can use; METHOD.md section 3 names those to come. */
const CRITERIA: readonly Criterion[] = ['dns'];

/** Beyond this share of fresh weights a network is rather trained than fine-tuned, and warms up longer. */
const MOSTLY_FRESH = 0.5;

/** Defaults of training that depend on what is trained. */
interface Phases {
  /** How much faster fresh parameters learn in the warm-up. */
  freshFactor: number;
  learningRate: number;
  augmentation: TuneConfig['augmentation'];
  labelSmoothing: number;
  /** Loss of tune accuracy tolerated in the first round, share. */
  initialSlack: number;
  /** Passes over the fit images by phase. */
  passes: { warmup: number; fresh: number; round: number; finetune: number };
}

/**
 * A pre-trained network needs few passes: full fine-tuning reaches its plateau in 4 to 6. Where most of a network is fresh, the
 * fresh part learns alone first, so that its noise does not undo the pre-trained features (Kumar et al., "Fine-Tuning can
 * Distort Pretrained Features", ICLR 2022), and at a lower rate: large fresh layers on large features diverge at ten times the
 * rate that suits a fresh classifier. The demo's pictures carry noise that resizing would smooth away in training but not in
 * evaluation: they are only cropped. A few hundred images of one's own are soon known by heart: smoothed labels (Szegedy et
 * al., CVPR 2016) and, after the warm-up, one learning rate for all parameters keep what generalises. A compact pre-trained network loses more at once to any pruning than a redundant one, and
 * wins it back in training: its first round may lose more.
 */
const PHASES: Record<'demo' | 'pretrained' | 'mostlyFresh', Phases> = {
  demo: {
    freshFactor: 10,
    learningRate: 3e-3,
    augmentation: 'crop',
    labelSmoothing: 0,
    initialSlack: 0.15,
    passes: { warmup: 6, fresh: 0, round: 4, finetune: 28 },
  },
  pretrained: {
    freshFactor: 10,
    learningRate: 1e-3,
    augmentation: 'resized-crop',
    labelSmoothing: 0.1,
    initialSlack: 0.25,
    passes: { warmup: 6, fresh: 0, round: 4, finetune: 24 },
  },
  mostlyFresh: {
    freshFactor: 2,
    learningRate: 1e-3,
    augmentation: 'resized-crop',
    labelSmoothing: 0.1,
    initialSlack: 0.15,
    passes: { warmup: 14, fresh: 8, round: 4, finetune: 14 },
  },
};

/** Rounds of a run that is not told otherwise. */
export const DEFAULT_ROUNDS = 6;

const DEFAULTS = {
  criterion: 'dns' as const,
  maxDrop: 0.01,
  rounds: DEFAULT_ROUNDS,
  evaluations: 16,
  batchSize: 32,
  decay: 'cosine' as const,
  momentum: 0.9,
  weightDecay: 5e-4,
  seed: 1,
  device: 'auto',
  precision: 'fp32' as const,
};

function phasesFor({ demo, freshShare }: DefaultsContext): Phases {
  if (demo) return PHASES.demo;
  return freshShare > MOSTLY_FRESH ? PHASES.mostlyFresh : PHASES.pretrained;
}

/**
 * Completes the options. Call `checkOptions` first: it needs no data and so fails sooner.
 * @param options what the caller gave; `out` and `model` must be there.
 */
export function completeConfig(
  options: TuneOptions & { model: string; out: string },
  context: DefaultsContext,
): TuneConfig {
  const batchSize = options.batchSize ?? DEFAULTS.batchSize;
  const phases = phasesFor(context);
  const stepsOf = (passes: number): number => Math.max(1, Math.ceil((passes * context.fitImages) / batchSize));
  const warmupSteps = options.warmupSteps ?? stepsOf(phases.passes.warmup);
  const lambda = options.lambda ?? null;
  return {
    data: options.data ?? null,
    split: options.split ?? null,
    model: options.model,
    weights: options.weights ?? null,
    out: options.out,
    partial: options.partial ?? false,
    strict: options.strict ?? false,
    criterion: options.criterion ?? DEFAULTS.criterion,
    maxDrop: lambda === null ? (options.maxDrop ?? DEFAULTS.maxDrop) : null,
    lambda,
    initialSlack: options.initialSlack ?? phases.initialSlack,
    rounds: options.rounds ?? DEFAULTS.rounds,
    evaluations: options.evaluations ?? DEFAULTS.evaluations,
    warmupSteps,
    freshSteps: Math.min(
      warmupSteps,
      options.freshSteps ?? (phases.passes.fresh === 0 ? 0 : stepsOf(phases.passes.fresh)),
    ),
    roundSteps: options.roundSteps ?? stepsOf(phases.passes.round),
    finetuneSteps: options.finetuneSteps ?? stepsOf(phases.passes.finetune),
    batchSize,
    learningRate: options.learningRate ?? phases.learningRate,
    freshFactor: options.freshFactor ?? phases.freshFactor,
    decay: options.decay ?? DEFAULTS.decay,
    momentum: options.momentum ?? DEFAULTS.momentum,
    weightDecay: options.weightDecay ?? DEFAULTS.weightDecay,
    labelSmoothing: options.labelSmoothing ?? phases.labelSmoothing,
    augmentation: options.augmentation ?? phases.augmentation,
    seed: options.seed ?? DEFAULTS.seed,
    device: options.device ?? DEFAULTS.device,
    precision: options.precision ?? DEFAULTS.precision,
    threads: options.threads ?? availableParallelism(),
  };
}

/** Fields that a complete configuration has and `config` has not: an older version wrote it, or somebody's hand was in it. */
export function missingFields(config: object): string[] {
  const complete = completeConfig({ model: '', out: '' }, { fitImages: 1, freshShare: 0, demo: false });
  return Object.keys(complete).filter((field) => !Object.hasOwn(config, field));
}

/** Which numbers an option may be. */
export interface NumberRule extends NumberRange {
  integer?: boolean;
}

/** The options that are numbers; the command line's flags have these bounds too. */
export const NUMBER_RULES = {
  split: { least: 1, most: 1000, integer: true },
  maxDrop: { least: 0, most: 1, openMost: true },
  initialSlack: { least: 0, most: 1, openMost: true },
  lambda: { least: 0, most: 1e6, openLeast: true },
  rounds: { least: 1, most: 1000, integer: true },
  evaluations: { least: 1, most: 100_000, integer: true },
  warmupSteps: { least: 1, most: 1e9, integer: true },
  freshSteps: { least: 0, most: 1e9, integer: true },
  roundSteps: { least: 1, most: 1e9, integer: true },
  finetuneSteps: { least: 1, most: 1e9, integer: true },
  batchSize: { least: 1, most: 65_536, integer: true },
  learningRate: { least: 0, most: 100, openLeast: true },
  freshFactor: { least: 0, most: 1e6, openLeast: true },
  momentum: { least: 0, most: 1, openMost: true },
  weightDecay: { least: 0, most: 1 },
  labelSmoothing: { least: 0, most: 1, openMost: true },
  // The network's own generator starts from one more.
  seed: { least: 0, most: Number.MAX_SAFE_INTEGER - 1, integer: true },
  threads: { least: 1, most: 1024, integer: true },
} satisfies { readonly [Key in keyof TuneOptions]?: NumberRule };

const RULES: Rules<TuneOptions> = {
  data: nullable(path),
  split: nullable(numberRule('split')),
  model: modelName,
  weights: nullable(path),
  out: path,
  partial: trueOrFalse,
  strict: trueOrFalse,
  criterion: oneOf(CRITERIA),
  maxDrop: nullable(numberRule('maxDrop')),
  lambda: nullable(numberRule('lambda')),
  initialSlack: numberRule('initialSlack'),
  rounds: numberRule('rounds'),
  evaluations: numberRule('evaluations'),
  warmupSteps: numberRule('warmupSteps'),
  freshSteps: numberRule('freshSteps'),
  roundSteps: numberRule('roundSteps'),
  finetuneSteps: numberRule('finetuneSteps'),
  batchSize: numberRule('batchSize'),
  learningRate: numberRule('learningRate'),
  freshFactor: numberRule('freshFactor'),
  decay: oneOf(['cosine', 'step']),
  momentum: numberRule('momentum'),
  weightDecay: numberRule('weightDecay'),
  labelSmoothing: numberRule('labelSmoothing'),
  augmentation: oneOf(['none', 'crop', 'resized-crop']),
  seed: numberRule('seed'),
  device: text,
  precision: oneOf(['fp32', 'tf32', 'bf16']),
  threads: numberRule('threads'),
  signal: abortSignal,
};

function numberRule(option: keyof typeof NUMBER_RULES): Rule {
  const rule: NumberRule = NUMBER_RULES[option];
  return rule.integer === true ? wholeNumber(rule.least, rule.most) : numberWithin(rule);
}

/**
 * Checks every option that can be checked without reading a file, and that there are no others.
 * @throws UsageError naming the option, what it may be and what it got.
 */
export function checkOptions(options: TuneOptions): void {
  checkFields('tune', options, RULES);
  if (options.maxDrop != null && options.lambda != null) {
    throw new UsageError('maxDrop and lambda are two modes of the search; give one of them');
  }
  checkNeeds(options);
}

/** The demo brings data, model and weights; anything else needs all three. */
function checkNeeds(options: TuneOptions): void {
  const given = { data: options.data != null, model: options.model !== undefined, weights: options.weights != null };
  // The demo's own config.json names its model, and must do for --resume and --config.
  if (!given.data && !given.weights && (!given.model || options.model === 'demo')) return;
  const missing = Object.entries(given).flatMap(([name, there]) => (there ? [] : [`--${name}`]));
  if (missing.length > 0) {
    throw new UsageError(
      `${missing.join(' and ')} missing: a run of your own needs --data, --model and --weights; none of them runs the demo`,
    );
  }
}
