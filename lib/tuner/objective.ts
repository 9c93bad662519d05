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
import { type SearchLayer, SearchSpace } from './search-space.js';

/** Batches between two looks at a candidate's chances. */
const RACE_BATCHES = 2;
/** A candidate stops early when its error is above the limit by this many standard errors. */
const RACE_DEVIATIONS = 3;
/** Fit batches over which BatchNorm's statistics are refreshed before a candidate is scored. */
const BATCH_NORM_BATCHES = 4;

/** What scoring a candidate found. */
export interface Score {
  thresholds: Record<string, number>;
  /** Exact. */
  compression: number;
  /** Share of the images seen whose class was not first. */
  error: number;
  /** Images seen: fewer than all where the candidate was hopeless. */
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

  /**
   * Scores a point. Reading stops early once the error is above `limit` beyond doubt.
   * @param limit error above which the candidate is of no use; 1 to read all.
   */
  async score(point: readonly number[], limit: number, signal: AbortSignal | undefined): Promise<Score> {
    return this.scoreThresholds(this.space.thresholds(point), limit, signal);
  }

  /** Scores thresholds, layer name -> t >= 0, as `score` does. */
  async scoreThresholds(
    thresholds: Record<string, number>,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<Score> {
    const layers = await this.apply(thresholds);
    const found = await evaluateSamples(this.#session, this.#tune, {
      batchSize: this.#batchSize,
      batchesPerSlice: RACE_BATCHES,
      signal,
      stopEarly: ({ images, correct }) => isHopeless(images - correct, images, limit),
    });
    return {
      thresholds,
      compression: compressionOf(layers, this.space.fixedParameters),
      error: 1 - found.top1,
      images: found.images,
    };
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

/** Whether `errors` of `images` say that the error rate is above `limit`, by the normal bound with a pseudo-count. */
function isHopeless(errors: number, images: number, limit: number): boolean {
  const rate = (errors + 1) / (images + 2);
  return rate - RACE_DEVIATIONS * Math.sqrt((rate * (1 - rate)) / images) > limit;
}
