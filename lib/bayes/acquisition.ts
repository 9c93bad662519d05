/**
 * What a candidate is worth, in logarithms: improvement of the objective times the probability of feasibility.
 *
 *     modelled objective   log EI(x) = log sigma + log h(z),  z = (f* - mu(x) - offset(x)) / sigma
 *                          (Ament et al., NeurIPS 2023, eq. 8; log h is in normal.ts)
 *     known objective      log tau + log h((f* - f(x)) / tau): the improvement itself, smoothed over a small tau so that
 *                          its logarithm and gradient exist everywhere
 *     no incumbent         0
 *     modelled constraint  + log Phi(-(mu_c(x)) / sigma_c)
 *     known constraint     + log Phi(-g(x) / tau_g)
 *
 * f* is the incumbent's posterior mean where observations are noisy. Everything is smooth with an analytic gradient.
 */
import { createPrediction } from './gp.js';
import type { Prediction } from './gp.js';
import type { KnownFunction } from './known-function.js';
import { logExpectedStandardImprovement, logNormalDistribution } from './normal.js';
import type { Surrogate } from './surrogate.js';
import type { Valleys } from './valleys.js';

/** Everything the value of a candidate depends on. */
export interface AcquisitionParts {
  dimensions: number;
  /** The time candidates would be evaluated at. */
  time: number;
  /** The modelled objective; null where it is known. */
  objective: Surrogate | null;
  /** Added to the modelled objective, or the known objective itself. */
  known: KnownFunction | null;
  /** f*: what has to be improved on, in the objective's own units; null while nothing is feasible. */
  incumbent: number | null;
  /** Smoothing of the known objective, in its units. */
  smoothing: number;
  constraints: readonly Surrogate[];
  /** Where candidates must keep out of closed valleys. */
  valleys?: Valleys | null;
  knownConstraints: readonly { constraint: KnownFunction; smoothing: number }[];
}

/** The logarithm of expected improvement times feasibility, to be maximised. */
export class Acquisition {
  private readonly prediction: Prediction;
  private readonly knownGradient: Float64Array;

  constructor(private readonly parts: AcquisitionParts) {
    this.prediction = createPrediction(parts.dimensions);
    this.knownGradient = new Float64Array(parts.dimensions);
  }

  /** The value at `point`; with `gradient` given, its gradient is written there. -Infinity where a known part is undefined. */
  evaluate(point: Float64Array, gradient: Float64Array | null): number {
    gradient?.fill(0);
    if (this.parts.valleys?.excludes(point)) return -Infinity;
    let value = this.improvement(point, gradient);
    for (const surrogate of this.parts.constraints) value += this.feasibility(surrogate, point, gradient);
    for (const { constraint, smoothing } of this.parts.knownConstraints) {
      const term = logNormalDistribution(-constraint.value(point) / smoothing);
      value += term.value;
      if (gradient) {
        constraint.gradient(point, this.knownGradient);
        addScaled(gradient, this.knownGradient, -term.slope / smoothing);
      }
    }
    return Number.isNaN(value) ? -Infinity : value;
  }

  private improvement(point: Float64Array, gradient: Float64Array | null): number {
    const { objective, known, incumbent, smoothing, time } = this.parts;
    if (incumbent === null) return 0;
    const exact = known ? known.value(point) : 0;
    if (exact === Infinity) return -Infinity;
    if (!objective) {
      const term = logExpectedStandardImprovement((incumbent - exact) / smoothing);
      if (gradient) {
        known!.gradient(point, this.knownGradient);
        addScaled(gradient, this.knownGradient, -term.slope / smoothing);
      }
      return Math.log(smoothing) + term.value;
    }
    const { process, standardization } = objective;
    const { prediction } = this;
    process.predict(point, time, prediction, gradient !== null);
    const target = (incumbent - exact - standardization.shift) / standardization.scale;
    const deviation = Math.sqrt(prediction.variance);
    const term = logExpectedStandardImprovement((target - prediction.mean) / deviation);
    if (gradient) {
      // d/dmu = -(Phi/h)/sigma;  d/dsigma = (phi/h)/sigma;  dsigma/dx = dvariance/dx / (2 sigma).
      addScaled(gradient, prediction.meanGradient, -term.slope / deviation);
      addScaled(gradient, prediction.varianceGradient, term.densityRatio / (2 * prediction.variance));
      if (known) {
        known.gradient(point, this.knownGradient);
        addScaled(gradient, this.knownGradient, -term.slope / (deviation * standardization.scale));
      }
    }
    return Math.log(deviation * standardization.scale) + term.value;
  }

  private feasibility(surrogate: Surrogate, point: Float64Array, gradient: Float64Array | null): number {
    const { process, standardization } = surrogate;
    const { prediction } = this;
    process.predict(point, this.parts.time, prediction, gradient !== null);
    const deviation = Math.sqrt(prediction.variance);
    const limit = -standardization.shift / standardization.scale;
    const margin = (limit - prediction.mean) / deviation;
    const term = logNormalDistribution(margin);
    if (gradient) {
      addScaled(gradient, prediction.meanGradient, -term.slope / deviation);
      addScaled(gradient, prediction.varianceGradient, (-term.slope * margin) / (2 * prediction.variance));
    }
    return term.value;
  }
}

function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let k = 0; k < target.length; k++) target[k] += factor * source[k];
}
