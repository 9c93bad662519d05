/** What changes with the step or the round: learning rates and the tolerated loss of accuracy. */
import type { LearningRateDecay } from './types.js';

/** Steps over which the learning rate rises from nothing at the very start, so that fresh layers do not shake the old ones. */
const RAMP_STEPS = 10;

/** Factor of the base learning rate at a step of the dense warm-up, in (0, 1]. */
export function warmupFactor(step: number): number {
  return Math.min(1, (step + 1) / RAMP_STEPS);
}

/**
 * Factor of the base learning rate at step 0..steps-1 of the last fine-tuning, in (0, 1].
 * `cosine` falls to nothing along half a cosine; `step` falls tenfold at one half and at three quarters.
 */
export function decayFactor(decay: LearningRateDecay, step: number, steps: number): number {
  const progress = step / steps;
  if (decay === 'step') return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01;
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Loss of accuracy tolerated in a round 1..rounds, share: falls in equal steps from `initial` to `final` in the last round.
 * A wide start and a narrow end, as the cooled constraint of "Constraint-Aware Deep Neural Network Compression" (ECCV 2018)
 * has it; its exponential leaves the middle rounds too little room to prune what the training after them repairs
 * (measured: test/bench/NOTES.md).
 */
export function slackOfRound(round: number, rounds: number, initial: number, final: number): number {
  return rounds <= 1 ? final : final + ((initial - final) * (rounds - round)) / (rounds - 1);
}
