/**
 * Which weights of a fine-tuning are kept: the one-standard-error rule of Breiman, Friedman, Olshen and Stone, "Classification
 * and Regression Trees" (1984), section 3.4.3, with the loss in the place of a tree's size.
 *
 * The accuracy of a few hundred images is noise to a point or two, and the highest of a dozen looks is the luckiest one, no
 * better than others on new images. Within the noise the loss decides, in which every image has a say by how sure the network
 * was of it: test/bench/NOTES.md, "The recipe of training".
 */

/** What the images to tune say of the weights at one step of the fine-tuning. */
export interface Look {
  step: number;
  /** Share of the images whose class is first. */
  accuracy: number;
  /** Mean cross-entropy. */
  loss: number;
}

/** The look whose weights are kept so far. */
export interface BestSoFar extends Look {
  /** The highest accuracy of all looks. */
  highest: number;
}

/**
 * The look to keep, `before` or `found`: that of lower loss, if its accuracy is at most one standard error below the highest of all
 * looks; where only one is as high, that one. The first of equal ones.
 *
 * @param images number of images behind each accuracy
 */
export function keptOf(before: BestSoFar | null, found: Look, images: number): BestSoFar {
  const highest = Math.max(before?.highest ?? 0, found.accuracy);
  const lowest = highest - Math.sqrt((highest * (1 - highest)) / images);
  // Where `before` is too far below a new highest accuracy, that is `found`'s.
  const isFound =
    before === null || (found.accuracy >= lowest && (before.accuracy < lowest || found.loss < before.loss));
  return { ...(isFound ? found : before), highest };
}
