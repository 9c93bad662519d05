/**
 * The loop of fine-pruning (METHOD.md section 1; Tung, Muralidharan, Mori, BMVC 2017): warm up, then rounds of search, commit and
 * masked training, then fine-tuning under frozen masks; the dense reference with the same budget; one look at the test set.
 *
 * Every stage picks up where the standing says, so that a resumed run goes the same way as one never interrupted: all that is
 * random is a function of the seed and of step numbers.
 */
import { AbortedError } from '../errors.js';
import type { SampleList, SurgerySchedule } from '../native/addon.js';
import { evaluateSamples } from '../native/evaluation.js';
import { BestWeights } from './best-weights.js';
import { restoreCheckpoint, saveCheckpoint } from './checkpoint.js';
import { finishRun } from './finish.js';
import { compressionOf } from './layers.js';
import { HYSTERESIS } from './magnitudes.js';
import { keptOf } from './one-standard-error.js';
import { ProgressMeter } from '../progress.js';
import type { RunContext } from './run-context.js';
import { decayFactor, slackOfRound } from './schedule.js';
import { type Commit, type RoundSearch, searchRound } from './search.js';
import { type OpenSession, openSession } from './session.js';
import { type TrainingStage, trainStage, warmupStage } from './training.js';
import type { TuneResult } from '../run/types.js';

/** Probability of a mask refresh at step i after the first commit: (1 + gamma i)^(-power); Guo et al. 2016, section 2.2. */
const SURGERY = { gamma: 1e-3, power: 1 };

/** Evaluations on tune during the last fine-tuning. */
const FINETUNE_MARKS = 12;

/** Walks the stages from where the standing says to the result. */
export class TuneLoop {
  readonly #context: RunContext;
  /** Of the stage that runs, where it keeps its best. */
  #best: BestWeights | null = null;

  constructor(context: RunContext) {
    this.#context = context;
  }

  /**
   * Runs to the end.
   * @throws AbortedError after a checkpoint when the signal fires; whatever a stage throws.
   */
  async run(): Promise<TuneResult> {
    const { standing, config } = this.#context;
    const denseStage = 2 * config.rounds + 2;
    if (standing.stage < denseStage) {
      await using open = await this.#openCompressed();
      await this.#warmUp(open);
      for (let round = 1; round <= config.rounds; round++) {
        await this.#search(open, round);
        await this.#tuneRound(open, round);
      }
      await this.#finetune(open);
    }
    if (standing.stage === denseStage) await this.#trainDense();
    return finishRun(this.#context);
  }

  /** The session that is pruned: fresh, or as the checkpoint left it. */
  async #openCompressed(): Promise<OpenSession> {
    const { standing, paths } = this.#context;
    const started = standing.stage > 0 || standing.step > 0;
    const open = await openSession(this.#context, started ? null : this.#context.network.weights);
    if (!started) return open;
    if (Object.keys(standing.thresholds).length > 0) {
      await open.session.setThresholds({ thresholds: standing.thresholds, ...HYSTERESIS });
    }
    await restoreCheckpoint(paths.checkpoint, open.session, 'training');
    return open;
  }

  async #warmUp(open: OpenSession): Promise<void> {
    const { standing, config, paths } = this.#context;
    if (standing.stage > 0) return;
    await this.#train(open, warmupStage(config));
    const { top1 } = await this.#evaluateTune(open, 'warm-up: accuracy');
    standing.referenceAccuracy = top1;
    this.#context.record({
      event: 'warmup',
      steps: config.warmupSteps,
      loss: standing.markedLoss,
      tuneAccuracy: top1,
      fresh: this.#context.network.weights.fresh,
    });
    await saveCheckpoint(paths.warmup, open.session, {});
    await this.#advance(open, 1);
  }

  async #search(open: OpenSession, round: number): Promise<void> {
    const { standing } = this.#context;
    if (standing.stage !== 2 * round - 1) return;
    const slack = this.#slack(round);
    const journalBytes = this.#context.journal.length;
    const search: RoundSearch = { round, slack, session: open.session, fit: open.fit, tune: open.tuneShuffled };
    try {
      const commit = await this.#timedSearch(search);
      standing.incumbent = commit.densities;
      standing.thresholds = commit.thresholds;
    } catch (error) {
      if (error instanceof AbortedError) await this.#saveSearch(open, journalBytes);
      throw error;
    }
    if (Object.keys(standing.thresholds).length > 0) {
      await open.session.setThresholds({ thresholds: standing.thresholds, ...HYSTERESIS });
    }
    await this.#advance(open, 2 * round);
  }

  async #timedSearch(search: RoundSearch): Promise<Commit> {
    const startedAt = performance.now();
    try {
      return await searchRound(this.#context, search);
    } finally {
      this.#context.standing.seconds.search += (performance.now() - startedAt) / 1000;
    }
  }

  /**
   * Saves a search that is given up where it began: its candidates are in the journal and need not be scored again.
   * @param journalBytes length of the journal when it began.
   */
  async #saveSearch(open: OpenSession, journalBytes: number): Promise<void> {
    // Scored before the run was cut off the last time, and not come to again.
    for (const line of this.#context.replay.splice(0)) this.#context.journal.append(line);
    await open.session.setCandidate(null);
    await this.#context.checkpoint(open.session, journalBytes);
  }

  #slack(round: number): number | null {
    const { config } = this.#context;
    if (config.maxDrop === null) return null;
    return slackOfRound(round, config.rounds, Math.max(config.initialSlack, config.maxDrop), config.maxDrop);
  }

  async #tuneRound(open: OpenSession, round: number): Promise<void> {
    const { standing, config } = this.#context;
    if (standing.stage !== 2 * round) return;
    await this.#train(open, {
      task: `round ${round} of ${config.rounds}: training`,
      label: { phase: 'round', round },
      firstStep: config.warmupSteps + (round - 1) * config.roundSteps,
      steps: config.roundSteps,
      learningRateFactor: () => 1,
      surgery: this.#surgery(),
      freshSteps: 0,
      freshFactor: 1,
      markEvery: config.roundSteps,
    });
    const { top1 } = await this.#evaluateTune(open, `round ${round} of ${config.rounds}: accuracy`);
    const layers = open.session.countKept();
    this.#context.record({
      event: 'round',
      round,
      committed: standing.thresholds,
      slack: this.#slack(round),
      tuneAccuracy: top1,
      loss: standing.markedLoss,
      compression: compressionOf(layers, open.fixedParameters),
      layers,
    });
    await this.#advance(open, 2 * round + 1);
  }

  /** Splicing lasts through the rounds; then the masks are frozen. */
  #surgery(): SurgerySchedule {
    const { config } = this.#context;
    return {
      ...SURGERY,
      firstStep: config.warmupSteps,
      stopStep: config.warmupSteps + config.rounds * config.roundSteps,
    };
  }

  async #finetune(open: OpenSession): Promise<void> {
    const { standing, config, paths } = this.#context;
    if (standing.stage !== 2 * config.rounds + 1) return;
    const best = this.#keepBestAt(paths.bestCompressed);
    await this.#train(
      open,
      this.#finetuneStage('fine-tuning', 'finetune', config.warmupSteps + config.rounds * config.roundSteps),
      (step, loss) => this.#keepBest(open, best, 'compressed', step, loss),
    );
    await best.save();
    this.#best = null;
    standing.best = null;
    await this.#advance(open, 2 * config.rounds + 2);
  }

  /** The same steps, images and learning rates as the compressed network had, and no pruning. */
  async #trainDense(): Promise<void> {
    const { standing, config, paths } = this.#context;
    await using open = await openSession(this.#context, null);
    await restoreCheckpoint(standing.step > 0 ? paths.checkpoint : paths.warmup, open.session, 'training');
    const best = this.#keepBestAt(paths.bestDense);
    const roundSteps = config.rounds * config.roundSteps;
    const finetune = this.#finetuneStage('dense reference', 'dense', config.warmupSteps);
    await this.#train(
      open,
      {
        ...finetune,
        steps: roundSteps + config.finetuneSteps,
        learningRateFactor: (step) => (step < roundSteps ? 1 : finetune.learningRateFactor(step - roundSteps)),
      },
      async (step, loss) => {
        if (step > roundSteps) await this.#keepBest(open, best, 'dense', step - roundSteps, loss);
      },
    );
    await best.save();
    this.#best = null;
    standing.best = null;
    await this.#advance(null, 2 * config.rounds + 3);
  }

  #finetuneStage(task: string, phase: 'finetune' | 'dense', firstStep: number): TrainingStage {
    const { config } = this.#context;
    return {
      task,
      label: { phase },
      firstStep,
      steps: config.finetuneSteps,
      learningRateFactor: (step) => decayFactor(config.decay, step, config.finetuneSteps),
      surgery: null,
      freshSteps: 0,
      freshFactor: 1,
      markEvery: Math.max(1, Math.ceil(config.finetuneSteps / FINETUNE_MARKS)),
    };
  }

  /** Trains a stage with checkpoints. */
  async #train(
    open: OpenSession,
    stage: TrainingStage,
    onMark: (step: number, loss: number) => Promise<void> = async () => {},
  ): Promise<void> {
    const { config, standing, metrics, emit, signal } = this.#context;
    const before = standing.seconds.train;
    const startedAt = performance.now();
    await trainStage(
      {
        session: open.session,
        samples: open.fit,
        config,
        freshNodes: standing.freshNodes,
        losses: standing.losses,
        metrics,
        emit,
        signal,
      },
      stage,
      standing.step,
      {
        onMark: async (step, loss) => {
          standing.markedLoss = loss;
          await onMark(step, loss);
        },
        isCheckpointDue: () => this.#context.clock.isDueInStage(),
        checkpoint: async (step) => {
          standing.step = step;
          standing.seconds.train = before + (performance.now() - startedAt) / 1000;
          // First: the standing that is saved next speaks of them.
          await this.#best?.save();
          await this.#context.checkpoint(open.session);
        },
      },
    );
    standing.seconds.train = before + (performance.now() - startedAt) / 1000;
  }

  /** Checkpoints of the stage bring this file up to date from now on. */
  #keepBestAt(path: string): BestWeights {
    this.#best = new BestWeights(path);
    return this.#best;
  }

  /** Keeps the weights where the images to tune prefer them to those before. */
  async #keepBest(
    open: OpenSession,
    weights: BestWeights,
    phase: 'compressed' | 'dense',
    step: number,
    loss: number,
  ): Promise<void> {
    const { standing, config } = this.#context;
    const found = await evaluateSamples(open.session, open.tune, { batchSize: config.batchSize });
    const look = { step, accuracy: found.top1, loss: found.loss };
    standing.best = keptOf(standing.best, look, open.tune.labels.length);
    const isBest = standing.best.step === step;
    if (isBest) await weights.take(open.session);
    this.#context.record({
      event: 'finetune',
      phase,
      step,
      steps: config.finetuneSteps,
      loss,
      tuneAccuracy: found.top1,
      tuneLoss: found.loss,
      best: isBest,
    });
  }

  async #evaluateTune(open: OpenSession, task: string): Promise<{ top1: number }> {
    const { config, emit } = this.#context;
    const samples: SampleList = open.tune;
    const meter = new ProgressMeter(task, 'images', samples.labels.length, emit);
    return evaluateSamples(open.session, samples, {
      batchSize: config.batchSize,
      onProgress: (images) => meter.report(images),
    });
  }

  /**
   * Moves to the start of a stage, and saves that where it is worth its time.
   * @param open null where what follows needs files alone: that costs nothing to save.
   */
  async #advance(open: OpenSession | null, stage: number): Promise<void> {
    const { standing, signal, clock } = this.#context;
    standing.stage = stage;
    standing.step = 0;
    standing.markedLoss = 0;
    if (open === null || signal?.aborted || clock.isDueAtStageEnd()) {
      await this.#context.checkpoint(open?.session ?? null);
    }
    if (signal?.aborted) throw new AbortedError('stopped between two stages');
  }
}
