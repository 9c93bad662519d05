/**
 * `bench search`: one round's search for thresholds on a real network after its warm-up, by this package and by what people
 * would use instead, at equal numbers of evaluations. The measure is compression within a fixed loss of tune accuracy.
 */
import { AbortedError } from '../../errors.js';
import { evaluateSamples } from '../../native/evaluation.js';
import { mistakesOf } from '../../tuner/mistakes.js';
import { Objective } from '../../tuner/objective.js';
import type { OpenSession } from '../../tuner/session.js';
import { BenchJournal } from '../journal.js';
import { describeMachine } from '../machine.js';
import { rowOf } from '../statistics.js';
import type { BenchReport, RowListener } from '../types.js';
import { searchAsEccv2018 } from './eccv2018.js';
import { searchAsTuneDoes } from './fine-pruning.js';
import { searchGlobalThreshold } from './global-threshold.js';
import { type ReplayedRace, replayRace } from './race-replay.js';
import { searchRandomly } from './random-search.js';
import { compressionOf, OURS, type Outcome, WITHOUT_RACING, ratiosOf, replayRowsOf, rowsOf } from './summary.js';
import { Trial, type SearchMethod } from './trial.js';
import { warmNetwork, type WarmNetworkOptions } from './warm-network.js';

export interface BenchSearchOptions extends Omit<WarmNetworkOptions, 'seed'> {
  /** Seeds 1 to this: of the warm-up and of the search. */
  seeds: number;
  /** Evaluations a search may use. */
  evaluations: number;
  /** Loss of tune accuracy allowed, share. */
  drop: number;
  /** Folder in which each search that is done is written down; the same call goes on from there. Nothing is where absent. */
  out?: string | undefined;
  onRow?: RowListener | undefined;
}

interface Contender {
  name: string;
  method: SearchMethod;
  racing: boolean;
}

const CONTENDERS: readonly Contender[] = [
  { name: OURS, method: searchAsTuneDoes, racing: true },
  { name: WITHOUT_RACING, method: searchAsTuneDoes, racing: false },
  { name: 'global threshold', method: searchGlobalThreshold, racing: false },
  { name: 'random search', method: searchRandomly, racing: false },
  { name: 'ECCV 2018', method: searchAsEccv2018, racing: false },
];

/** @throws as `tune` does for the same inputs; AbortedError when the signal fires; RunError where `out` belongs to another task. */
export async function benchSearch(options: BenchSearchOptions): Promise<BenchReport> {
  const { out } = options;
  using journal = out === undefined ? null : BenchJournal.open<Outcome>(out, taskOf(options));
  const outcomes = new Map<string, Outcome[]>(CONTENDERS.map(({ name }) => [name, []]));
  for (let seed = 1; seed <= options.seeds; seed++) {
    for (const [name, outcome] of await searchesOf(seed, options, journal)) {
      outcomes.get(name)?.push(outcome);
    }
  }
  const replays = (outcomes.get(WITHOUT_RACING) ?? []).flatMap(({ replay }) => replay ?? []);
  const rows = [...rowsOf(outcomes, options.evaluations), ...replayRowsOf(replays)];
  for (const row of rows) options.onRow?.(row);
  return { rows, ratios: ratiosOf(outcomes), machine: describeMachine(null, options.threads, options.device) };
}

/** What the outcome of a search depends on. */
function taskOf(options: BenchSearchOptions): object {
  const { model, weights, data, partial, split, batchSize, threads, precision, device, evaluations, drop } = options;
  return { model, weights, data, partial, split, batchSize, threads, precision, device, evaluations, drop };
}

/** The outcomes of one seed, by contender; what the journal has is taken from there. */
async function searchesOf(
  seed: number,
  options: BenchSearchOptions,
  journal: BenchJournal<Outcome> | null,
): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  const add = (name: string, outcome: Outcome): void => {
    found.set(name, outcome);
    options.onRow?.(rowOf(`seed ${seed}: ${name}`, 'compression', 'high', [compressionOf(outcome)], [outcome.seconds]));
  };
  for (const { name } of CONTENDERS) {
    const before = journal?.find(seed, name);
    if (before !== undefined) add(name, before);
  }
  const missing = CONTENDERS.filter(({ name }) => !found.has(name));
  if (missing.length === 0) return found;
  await using open = await warmNetwork({ ...options, seed });
  const compare = await Comparison.of(open, options);
  for (const contender of missing) {
    const outcome = await compare.run(contender, seed);
    journal?.add(seed, contender.name, outcome);
    add(contender.name, outcome);
  }
  return found;
}

/** The searches of one seed: the same warm weights, the same images, the same limit. */
class Comparison {
  private constructor(
    private readonly open: OpenSession,
    private readonly options: BenchSearchOptions,
    private readonly objective: Objective,
    private readonly limit: number,
    private readonly unprunedMistakes: Uint8Array,
    private readonly testAccuracy: number,
  ) {}

  static async of(open: OpenSession, options: BenchSearchOptions): Promise<Comparison> {
    const { batchSize } = options;
    const objective = await Objective.of(open.session, open.fit, open.tuneShuffled, batchSize);
    const samples = open.tuneShuffled;
    const { top1: tune, predicted } = await evaluateSamples(open.session, samples, { batchSize });
    const { top1: test } = await evaluateSamples(open.session, open.test, { batchSize });
    const mistakes = mistakesOf(samples.labels, predicted);
    return new Comparison(open, options, objective, 1 - tune + options.drop, mistakes, test);
  }

  async run({ method, racing }: Contender, seed: number): Promise<Outcome> {
    const { signal, evaluations } = this.options;
    if (signal?.aborted) throw new AbortedError('stopped between two searches');
    const startedAt = performance.now();
    const trial = await Trial.of(this.objective, { limit: this.limit, racing, signal });
    await method(trial, evaluations, seed);
    const seconds = (performance.now() - startedAt) / 1000;
    const testDrop = this.testAccuracy - (await this.#testAccuracyOf(trial));
    const { trace, imagesRead } = trial;
    return { trace, imagesRead, seconds, testDrop, replay: racing ? null : this.#replay(trial) };
  }

  /** Racing on the candidates of a search that read all images. */
  #replay({ readWhole }: Trial): ReplayedRace {
    return replayRace(this.unprunedMistakes, readWhole, { limit: this.limit, step: this.options.batchSize });
  }

  async #testAccuracyOf({ thresholds }: Trial): Promise<number> {
    const { session, test } = this.open;
    await this.objective.apply(thresholds);
    const { batchSize, signal } = this.options;
    const { top1 } = await evaluateSamples(session, test, { batchSize, signal });
    await this.objective.restore();
    return top1;
  }
}
