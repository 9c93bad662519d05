/**
 * Which weights of a fine-tuning are kept: the one-standard-error rule of Breiman, Friedman, Olshen and Stone, "Classification
 * and Regression Trees" (1984), section 3.4.3, with the furthest converged in the place of the smallest tree.
 *
 * The accuracy of a few hundred images is noise to a point or two, and the highest of a dozen looks is the luckiest one: often
 * an early one, at a high learning rate, and worse than the later ones on new images. Within the noise the fallen learning rate
 * decides; where the network has begun to lose more than that, it is what was there before.
 */

/** What the images to tune say of the weights at one step of the fine-tuning. */
export interface Look {
  step: number;
  /** Share of the images whose class is first. */
  accuracy: number;
}

/** The look whose weights are kept so far. */
export interface BestSoFar extends Look {
  /** The highest accuracy of all looks. */
  highest: number;
}

/**
 * The look to keep after another one: the latest whose accuracy is at most one standard error below the highest so far.
 *
 * @param images number of images behind each accuracy
 */
export function keptOf(before: BestSoFar | null, found: Look, images: number): BestSoFar {
  const highest = Math.max(before?.highest ?? 0, found.accuracy);
  const lowest = highest - Math.sqrt((highest * (1 - highest)) / images);
  // Where `before` is too far below a new highest accuracy, that is `found`'s.
  return { ...(before === null || found.accuracy >= lowest ? found : before), highest };
}
