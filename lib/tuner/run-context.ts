/** What every stage of a run shares: configuration, inputs, files, where it stands. */
import { saveCheckpoint } from './checkpoint.js';
import { CheckpointClock } from './checkpoint-clock.js';
import type { RunImages, RunNetwork } from './inputs.js';
import type { JsonLinesFile } from '../run/json-lines.js';
import type { RunPaths } from '../run/run-directory.js';
import type { Session } from '../native/session.js';
import type { Standing } from './standing.js';
import type { EvaluationEvent, TuneConfig, TuneEvent } from '../run/types.js';

/** A candidate's line in the journal. */
export interface JournalledEvaluation extends EvaluationEvent {
  /** State of the generator of random numbers afterwards. */
  random?: unknown;
}

/** One run in this process. */
export class RunContext {
  readonly config: TuneConfig;
  /** The device in use, 'auto' resolved. */
  readonly device: string;
  readonly paths: RunPaths;
  readonly images: RunImages;
  readonly network: RunNetwork;
  readonly journal: JsonLinesFile;
  readonly metrics: JsonLinesFile;
  readonly standing: Standing;
  /** Candidates of the stage that the journal holds beyond the checkpoint: scored before the run was cut off. */
  readonly replay: JournalledEvaluation[];
  readonly emit: (event: TuneEvent) => void;
  readonly signal: AbortSignal | undefined;
  /** When the work began, reading the images included: milliseconds of performance.now(). */
  readonly startedAt: number;
  readonly clock = new CheckpointClock();
  readonly #secondsBefore: number;

  constructor(parts: Omit<RunContext, 'clock' | 'record' | 'checkpoint' | 'noteResources'>) {
    this.config = parts.config;
    this.device = parts.device;
    this.paths = parts.paths;
    this.images = parts.images;
    this.network = parts.network;
    this.journal = parts.journal;
    this.metrics = parts.metrics;
    this.standing = parts.standing;
    this.replay = parts.replay;
    this.emit = parts.emit;
    this.signal = parts.signal;
    this.startedAt = parts.startedAt;
    this.#secondsBefore = parts.standing.seconds.total;
  }

  /** Journals an event, then tells whoever listens. `extra` goes to the journal only. */
  record(event: TuneEvent, extra: object = {}): void {
    this.journal.append({ ...event, ...extra });
    this.emit(event);
  }

  /**
   * Saves the session and the standing; afterwards a kill loses nothing that was done before.
   * @param session null where what is left to do needs no tensors of it.
   * @param journalBytes length of the journal up to where the standing is; what follows is replayed.
   */
  async checkpoint(session: Session | null, journalBytes: number = this.journal.length): Promise<void> {
    this.noteResources();
    this.standing.journalBytes = journalBytes;
    this.standing.metricsBytes = this.metrics.length;
    await this.clock.time(() => saveCheckpoint(this.paths.checkpoint, session, this.standing));
  }

  /** Brings time spent and peak memory in the standing up to date, earlier parts of a resumed run included. */
  noteResources(): void {
    this.standing.seconds.total = this.#secondsBefore + (performance.now() - this.startedAt) / 1000;
    this.standing.peakRssBytes = Math.max(this.standing.peakRssBytes, process.resourceUsage().maxRSS * 1024);
  }
}
