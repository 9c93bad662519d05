/**
 * Where a run stands: the JSON beside the tensors in a checkpoint.
 *
 * The loop is a fixed sequence of stages, numbered: 0 the warm-up; 2r-1 the search and 2r the masked training of round r;
 * 2R+1 the fine-tuning; 2R+2 the dense reference; 2R+3 the final measurements.
 */
import { RunError } from '../errors.js';
import { type ImagesIdentity, differenceOf } from './images-identity.js';
import type { BestSoFar } from './one-standard-error.js';
import type { ScoredCandidate } from './proposals.js';
import type { LossSum } from './training.js';

export interface Standing {
  stage: number;
  /** Training steps done in the stage. */
  step: number;
  /** Of the stage's steps since the last mark. */
  losses: LossSum;
  /** Mean loss at the stage's last mark, 0 before the first. */
  markedLoss: number;
  /** A0: accuracy on tune after the warm-up, share. */
  referenceAccuracy: number;
  /** Every candidate scored in earlier rounds. */
  candidates: ScoredCandidate[];
  /** Densities asked for in the last commit, one a layer; null before the first. */
  incumbent: number[] | null;
  /** Thresholds in force, layer name -> t. */
  thresholds: Record<string, number>;
  /** Of the fine-tuning that runs; null before its first mark. */
  best: BestSoFar | null;
  seconds: { decode: number; search: number; train: number; total: number };
  peakRssBytes: number;
  /** Lengths of journal.jsonl and metrics.jsonl when this was written: what follows is done again. */
  journalBytes: number;
  metricsBytes: number;
  /** The images it began with. */
  images: ImagesIdentity;
  /** Nodes whose parameters started fresh. */
  freshNodes: string[];
}

/** A run that has not begun. */
export function newStanding(images: ImagesIdentity, freshNodes: string[]): Standing {
  return {
    stage: 0,
    step: 0,
    losses: { sum: 0, steps: 0 },
    markedLoss: 0,
    referenceAccuracy: 0,
    candidates: [],
    incumbent: null,
    thresholds: {},
    best: null,
    seconds: { decode: 0, search: 0, train: 0, total: 0 },
    peakRssBytes: 0,
    journalBytes: 0,
    metricsBytes: 0,
    images,
    freshNodes,
  };
}

/** Whether a candidate was scored in the stage that the run stands in. */
export function isOfStage({ round }: Pick<ScoredCandidate, 'round'>, { stage }: Standing): boolean {
  return stage === 2 * round - 1;
}

/**
 * Takes a standing from a checkpoint.
 * @throws RunError where it is not one, or the images are no longer the same.
 */
export function checkStanding(value: unknown, images: ImagesIdentity, path: string): Standing {
  const standing = value as Partial<Standing> | null;
  if (!Number.isInteger(standing?.stage) || !Number.isInteger(standing?.step) || standing?.images == null) {
    throw new RunError(`${path} does not say where the run stood; start the run again in another folder`);
  }
  const difference = differenceOf(standing.images, images);
  if (difference !== null) {
    throw new RunError(
      `${difference} with which the run began; put the data folder and the model back as they were, or start again in another folder`,
    );
  }
  return standing as Standing;
}
