/** Which images a network gets wrong: 1 for each whose class is not first, 0 for the others. */

/** 1 for every prediction that is not the label. */
export function mistakesOf(labels: Int32Array, predicted: Int32Array): Uint8Array {
  return Uint8Array.from(predicted, (label, index) => Number(label !== labels[index]));
}

/** Mistakes as text for the journal: bit i % 8 of byte i / 8 is image i, in base64. */
export function packMistakes(mistakes: Uint8Array): string {
  const bytes = new Uint8Array(Math.ceil(mistakes.length / 8));
  mistakes.forEach((mistake, index) => {
    bytes[index >> 3] |= mistake << (index & 7);
  });
  return Buffer.from(bytes).toString('base64');
}

/** The inverse of `packMistakes` for a number of images. */
export function unpackMistakes(text: string, images: number): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  return Uint8Array.from({ length: images }, (_, index) => ((bytes[index >> 3] ?? 0) >> (index & 7)) & 1);
}
