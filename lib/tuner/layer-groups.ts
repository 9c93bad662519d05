/**
 * Layers that the search moves together, where there are more of them than a round's few candidates can tell apart.
 *
 * Neighbours are merged, the two with the fewest weights between them first: what is left to move alone are the layers that
 * hold the weights, and the small ones go with those beside them, which see similar features. Later rounds have more groups,
 * until every layer is its own again (coarse to fine).
 */
import type { SearchLayer } from './search-space.js';

/** Layers up to this number are never grouped. */
const MOST_UNGROUPED = 20;
/** Groups in the first round, and by how much their number grows from round to round, at least. */
const FIRST_GROUPS = 8;
const GROWTH = 1.5;
/** Coordinates that the optimizer takes. */
const MOST_GROUPS = 256;

/** Number of groups in `round` 1 to `rounds`: few at first, all layers (or 256 groups) by the last. */
export function groupsInRound(layers: number, round: number, rounds: number): number {
  if (layers <= MOST_UNGROUPED) return layers;
  const most = Math.min(layers, MOST_GROUPS);
  const growth = rounds > 1 ? Math.max(GROWTH, (most / FIRST_GROUPS) ** (1 / (rounds - 1))) : 1;
  return Math.min(most, Math.round(FIRST_GROUPS * growth ** (round - 1)));
}

/** Merges neighbours until `count` groups are left; the indices of each group's layers, in network order. */
export function groupLayers(layers: readonly Pick<SearchLayer, 'count'>[], count: number): number[][] {
  const groups = layers.map((layer, index) => ({ members: [index], weights: layer.count }));
  while (groups.length > count) {
    let at = 0;
    for (let index = 1; index + 1 < groups.length; index++) {
      if (weightsOfPair(groups, index) < weightsOfPair(groups, at)) at = index;
    }
    const [one, other] = groups.slice(at, at + 2);
    groups.splice(at, 2, { members: [...one.members, ...other.members], weights: one.weights + other.weights });
  }
  return groups.map(({ members }) => members);
}

function weightsOfPair(groups: readonly { weights: number }[], index: number): number {
  return groups[index].weights + groups[index + 1].weights;
}
