/** What changes with the step or the round: learning rates and the tolerated loss of accuracy. */
import type { LearningRateDecay } from '../run/types.js';

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
 * Loss of accuracy tolerated in a round 1..rounds, share: falls from `initial` in the first round to `final` in the last.
 * The cooling of "Constraint-Aware Deep Neural Network Compression" (ECCV 2018),
 * c_t = c + (c0 - c) e^{-0.5 (t+1)} + (c - c0) e^{-0.5 T}, with t + 1 = round, T = rounds, c0 = `initial` and c = `final`,
 * stretched so that the first and the last round meet their values. The stretch divides e^{-0.5} out of every term: what is left
 * are the exponents round - 1 and rounds - 1.
 */
export function slackOfRound(round: number, rounds: number, initial: number, final: number): number {
  if (rounds <= 1) return final;
  const fall = (t: number): number => Math.exp(-0.5 * t);
  const share = (fall(round - 1) - fall(rounds - 1)) / (1 - fall(rounds - 1));
  return final + (initial - final) * share;
}
