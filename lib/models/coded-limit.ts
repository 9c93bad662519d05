/** The bound on what coded tensors stand for: readers refuse files past it, so that writers must stay within it. */

/** Values the coded tensors of a file may stand for: this many, and this many more for each byte it has. */
const VALUES_OF_ANY_FILE = 16 * 1024 * 1024;
const VALUES_PER_BYTE = 1024;
const FLOAT_BYTES = 4;

/** A tensor as it would be stored: how many values it has, and in how many bytes where it is coded. */
export interface SizedTensor {
  elements: number;
  codeBytes: number | undefined;
}

/** Values that the coded tensors of a file of so many bytes may stand for. */
export function mostCodedValues(fileBytes: number): number {
  return VALUES_OF_ANY_FILE + VALUES_PER_BYTE * fileBytes;
}

/** How much nearer to the bound a file gets by storing a coded tensor as it is. */
function gain(elements: number, codeBytes: number): number {
  return elements + VALUES_PER_BYTE * (FLOAT_BYTES * elements - codeBytes);
}

/**
 * The coded tensors, by index, that must be stored as they are for the file to stay within the bound: few zeros stored
 * plainly permit many coded ones, so that the smallest tensor that is enough goes, or else the largest and more.
 */
export function beyondCodedLimit(tensors: readonly SizedTensor[]): number[] {
  const coded: { index: number; elements: number; gain: number }[] = [];
  let values = 0;
  // The header is left out, so that the bound holds whatever its length.
  let bytes = 0;
  tensors.forEach(({ elements, codeBytes }, index) => {
    bytes += codeBytes ?? FLOAT_BYTES * elements;
    if (codeBytes === undefined) return;
    values += elements;
    coded.push({ index, elements, gain: gain(elements, codeBytes) });
  });
  coded.sort((a, b) => a.gain - b.gain);
  const plain: number[] = [];
  for (let excess = values - mostCodedValues(bytes); excess > 0 && coded.length > 0;) {
    const enough = coded.findIndex((tensor) => tensor.gain >= excess);
    const [taken] = coded.splice(enough < 0 ? -1 : enough, 1);
    plain.push(taken.index);
    excess -= taken.gain;
  }
  return plain;
}
