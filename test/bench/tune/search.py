"""The search of one round: which threshold each layer gets.

The same number of candidates as the package's search, started by the same ladder: one number lowers the density of every layer,
doubled until a candidate loses too much, then halved. Where the package then asks a Gaussian process, this script goes on with
what fits in a page: random steps away from the smallest good candidate, shorter after each failure. That costs no time at all, so it
can only make the PyTorch side faster; what it finds is compared in the results.
"""

import math

import numpy

LADDER_SHARE = 0.3
FIRST_DEPTH = 0.5
LEAST_DENSITY, LEAST_WEIGHTS_PER_OUTPUT = 0.002, 2


class Layers:
    """Sizes and magnitudes of the prunable layers as they are at the start of a round."""

    def __init__(self, weights):
        self.names = list(weights)
        self.counts = numpy.array([weight.numel() for weight in weights.values()])
        outputs = numpy.array([weight.shape[0] for weight in weights.values()])
        self.least = numpy.log(numpy.clip(LEAST_WEIGHTS_PER_OUTPUT * outputs / self.counts, LEAST_DENSITY, 0.5))
        # numpy's sort of float32 is vectorised, and gives no indices nobody asked for.
        self.magnitudes = [numpy.sort(weight.abs().cpu().numpy(), axis=None) for weight in weights.values()]

    def thresholds(self, log_densities):
        found = {}
        for name, magnitudes, log_density in zip(self.names, self.magnitudes, log_densities):
            place = int((1 - math.exp(log_density)) * len(magnitudes))
            found[name] = float(magnitudes[place]) if place > 0 else 0.0
        return found

    def clip(self, log_densities):
        return numpy.clip(log_densities, self.least, 0)


class Ladder:
    def __init__(self, start_is_good):
        self.good = 0.0 if start_is_good else -math.inf
        self.bad = math.inf if start_is_good else 0.0

    @property
    def depth(self):
        if self.bad == math.inf:
            return max(FIRST_DEPTH, 2 * self.good)
        if self.good == -math.inf:
            return min(-FIRST_DEPTH, 2 * self.bad)
        return (self.good + self.bad) / 2

    def tell(self, good):
        if good:
            self.good = self.depth
        else:
            self.bad = self.depth


def search(layers, score, evaluations, incumbent, random):
    """`score(thresholds)` gives (good, size). Returns the log densities of the smallest good candidate, or None."""
    start = numpy.zeros(len(layers.names)) if incumbent is None else incumbent
    lowering = numpy.sqrt(layers.counts / layers.counts.max())
    ladder = Ladder(True)
    ladder_end = (0 if incumbent is None else 1) + max(1, round(evaluations * LADDER_SHARE))
    best, best_size, reach = None, math.inf, 0.5
    for index in range(evaluations):
        if index == 0 and incumbent is not None:
            point = start
        elif index < ladder_end:
            point = layers.clip(start - ladder.depth * lowering)
        else:
            centre = start if best is None else best
            point = layers.clip(centre - reach * lowering * random.uniform(-0.5, 1.5, len(start)))
        good, size = score(layers.thresholds(point))
        if index == 0 and incumbent is not None:
            ladder = Ladder(good)
        elif index < ladder_end:
            ladder.tell(good)
        else:
            reach *= 1.2 if good else 0.7
        if good and size < best_size:
            best, best_size = point, size
    return best
