/**
 * The one place where a point in [0, 1]^d becomes thresholds, and a session a number.
 *
 * y(theta) of METHOD.md section 1: error on tune with the weights masked by h(W; theta), no weight changed.
 */
import type { LayerCount, SampleList } from '../native/addon.js';
import { evaluateSamples } from '../native/evaluation.js';
import type { Session } from '../native/session.js';
import { compressionOf, fixedParametersOf } from './layers.js';
import { HYSTERESIS, MagnitudeDistribution } from './magnitudes.js';
import { Race } from './race.js';
import { type SearchLayer, SearchSpace } from './search-space.js';

/** Batches between two looks at a candidate's chances. */
const RACE_BATCHES = 1;
/** Fit batches over which BatchNorm's statistics are refreshed before a candidate is scored. */
const BATCH_NORM_BATCHES = 4;

/** What scoring a candidate found. */
export interface Score {
  thresholds: Record<string, number>;
  /** Exact. */
  compression: number;
  /** Share of all images whose class is not first: estimated (race.ts) where not all were read. */
  error: number;
  /** Images read: fewer than all where it was clear before on which side of the limit the candidate is. */
  images: number;
}

/** Scores candidates on a session's weights as they are at the start of a round. */
export class Objective {
  readonly space: SearchSpace;
  readonly #session: Session;
  readonly #fit: SampleList;
  readonly #tune: SampleList;
  readonly #batchSize: number;
  readonly #hasBatchNorm: boolean;
  #race: Race | null = null;

  private constructor(session: Session, space: SearchSpace, fit: SampleList, tune: SampleList, batchSize: number) {
    this.#session = session;
    this.space = space;
    this.#fit = fit;
    this.#tune = tune;
    this.#batchSize = batchSize;
    this.#hasBatchNorm = session.describeParameters().some((parameter) => parameter.kind === 'running_mean');
  }

  /** Measures the weights' magnitudes once; they must not change while the objective is in use. */
  static async of(session: Session, fit: SampleList, tune: SampleList, batchSize: number): Promise<Objective> {
    const histograms = await session.magnitudeHistograms();
    const layers: SearchLayer[] = session
      .describeParameters()
      .filter((parameter) => parameter.prunable)
      .map((parameter) => ({
        name: parameter.name,
        count: parameter.shape.reduce((product, length) => product * length, 1),
        outputs: parameter.shape[0],
      }));
    const distributions = layers.map((layer) => new MagnitudeDistribution(histograms[layer.name]));
    return new Objective(
      session,
      new SearchSpace(layers, distributions, fixedParametersOf(session)),
      fit,
      tune,
      batchSize,
    );
  }

  /** Images a candidate is scored on. */
  get images(): number {
    return this.#tune.labels.length;
  }

  /**
   * Scores a point.
   * @param limit error that a candidate may have: reading stops once it is clear whether it has less; null to read all.
   */
  async score(point: readonly number[], limit: number | null, signal: AbortSignal | undefined): Promise<Score> {
    return this.scoreThresholds(this.space.thresholds(point), limit, signal);
  }

  /** Scores thresholds, layer name -> t >= 0, as `score` does. */
  async scoreThresholds(
    thresholds: Record<string, number>,
    limit: number | null,
    signal: AbortSignal | undefined,
  ): Promise<Score> {
    const race = limit === null ? null : (this.#race ??= await this.#startRace(signal));
    const layers = await this.apply(thresholds);
    const found = await evaluateSamples(this.#session, this.#tune, {
      batchSize: this.#batchSize,
      batchesPerSlice: race === null ? undefined : RACE_BATCHES,
      signal,
      stopEarly: (predicted) => race !== null && limit !== null && race.isDecided(predicted, limit),
    });
    return {
      thresholds,
      compression: compressionOf(layers, this.space.fixedParameters),
      error: race === null ? 1 - found.top1 : race.estimate(found.predicted).error,
      images: found.images,
    };
  }

  /** What candidates are compared with: the network as it is without one. */
  async #startRace(signal: AbortSignal | undefined): Promise<Race> {
    await this.restore();
    const { predicted } = await evaluateSamples(this.#session, this.#tune, { batchSize: this.#batchSize, signal });
    return new Race(this.#tune.labels, predicted);
  }

  /** Masks the session's weights by the thresholds, until `restore` or the next candidate; returns the counts. */
  async apply(thresholds: Record<string, number>): Promise<LayerCount[]> {
    const layers = await this.#session.setCandidate({ thresholds, ...HYSTERESIS });
    if (this.#hasBatchNorm) {
      await this.#session.refreshBatchNorm({
        samples: this.#fit,
        batchSize: this.#batchSize,
        batches: Math.min(BATCH_NORM_BATCHES, Math.ceil(this.#fit.labels.length / this.#batchSize)),
        step: 0,
      });
    }
    return layers;
  }

  /** Puts the weights under their own masks back. */
  async restore(): Promise<void> {
    await this.#session.setCandidate(null);
  }
}
