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
import { mistakesOf } from './mistakes.js';
import { type Entrant, Race } from './race.js';
import { type SearchLayer, SearchSpace } from './search-space.js';
import { inOrder } from './shuffle.js';

/** Batches between two looks at a candidate's chances. */
const RACE_BATCHES = 1;
/**
 * Share of the binomial variance of all images by which the errors of neighbouring points differ: the images are the same, and
 * most of them fall alike.
 */
const ROUGHNESS = 0.25;
/** Fit batches over which BatchNorm's statistics are refreshed before a candidate is scored. */
const BATCH_NORM_BATCHES = 4;

/** What scoring a candidate found. */
export interface Score {
  thresholds: Record<string, number>;
  /** Exact. */
  compression: number;
  /** Share of all images whose class is not first: estimated (race.ts) where not all were read. */
  error: number;
  /** Standard error of `error`: of the images not read, and of how rough the error is as a function of the point. */
  deviation: number;
  /** Images read. */
  images: number;
  /** Of all images, in their order; null where some were not read. */
  mistakes: Uint8Array | null;
}

/** What the images say of the network as it is masked. */
type Reading = Pick<Score, 'error' | 'deviation' | 'images' | 'mistakes'>;

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

  /** Images a candidate is scored on. */
  get images(): number {
    return this.#tune.labels.length;
  }

  /**
   * Opens a race of candidates, with the network as it is without one for a reference.
   * @param limit error that a candidate may have, share.
   */
  async startRace(limit: number, signal: AbortSignal | undefined): Promise<Race> {
    await this.restore();
    const { predicted } = await evaluateSamples(this.#session, this.#tune, { batchSize: this.#batchSize, signal });
    return new Race(mistakesOf(this.#tune.labels, predicted), limit);
  }

  /** Scores a point, as far as the race it is in makes worth while; on all images where there is none. */
  async score(point: readonly number[], race: Race | null, signal: AbortSignal | undefined): Promise<Score> {
    return this.scoreThresholds(this.space.thresholds(point), race, signal);
  }

  /** Scores thresholds, layer name -> t >= 0, as `score` does. */
  async scoreThresholds(
    thresholds: Record<string, number>,
    race: Race | null,
    signal: AbortSignal | undefined,
  ): Promise<Score> {
    const compression = compressionOf(await this.apply(thresholds), this.space.fixedParameters);
    const read = race === null ? await this.#readAll(signal) : await this.#readRacing(race.enter(compression), signal);
    race?.settle(read.mistakes, compression);
    const roughness = ROUGHNESS * binomialVariance(read.error, this.images);
    return { ...read, thresholds, compression, deviation: Math.sqrt(read.deviation ** 2 + roughness) };
  }

  async #readAll(signal: AbortSignal | undefined): Promise<Reading> {
    const found = await evaluateSamples(this.#session, this.#tune, { batchSize: this.#batchSize, signal });
    const mistakes = mistakesOf(this.#tune.labels, found.predicted);
    return { error: 1 - found.top1, deviation: 0, images: mistakes.length, mistakes };
  }

  async #readRacing(entrant: Entrant, signal: AbortSignal | undefined): Promise<Reading> {
    const samples = inOrder(this.#tune, entrant.order);
    const { predicted } = await evaluateSamples(this.#session, samples, {
      batchSize: this.#batchSize,
      signal,
      batchesPerSlice: RACE_BATCHES,
      stopEarly: (soFar) => entrant.isDecided(mistakesOf(samples.labels, soFar)),
    });
    const mistakes = mistakesOf(samples.labels, predicted);
    const whole = mistakes.length === this.images;
    return {
      ...entrant.estimate(mistakes),
      images: mistakes.length,
      mistakes: whole ? inFirstOrder(mistakes, entrant.order) : null,
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

/** Undoes an order: `values[k]` belongs to image `order[k]`. */
function inFirstOrder(values: Uint8Array, order: Uint32Array): Uint8Array {
  const restored = new Uint8Array(values.length);
  order.forEach((image, position) => {
    restored[image] = values[position];
  });
  return restored;
}

/** Variance of an error rate measured on a finite number of images, with a pseudo-count that keeps it above 0. */
function binomialVariance(error: number, images: number): number {
  const rate = (error * images + 1) / (images + 2);
  return (rate * (1 - rate)) / images;
}
