/** Interleaved bytes with at least one channel. */
export interface RawPixels {
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
  data: Uint8Array;
}

/**
 * Bilinear enlargement with pixel centres at half-integers and edges repeated, as Pillow and torchvision enlarge.
 * libvips places pixel centres elsewhere, which shifts a small image by up to half a pixel. `width` and `height` must
 * not be below the image's own.
 */
export function enlarge(image: RawPixels, width: number, height: number): RawPixels {
  const { channels, data } = image;
  const columns = taps(image.width, width);
  const rows = taps(image.height, height);
  const out = new Uint8Array(width * height * channels);
  // Rows stretched to the new width: each is made once and serves all output rows that lie beside it.
  const length = width * channels;
  let upper = { row: -1, values: new Float64Array(length) };
  let lower = { row: -1, values: new Float64Array(length) };
  const stretch = (into: { row: number; values: Float64Array }, row: number): void => {
    into.row = row;
    const start = row * image.width * channels;
    for (let x = 0, to = 0; x < width; x++) {
      const left = start + columns.low[x] * channels;
      const right = start + columns.high[x] * channels;
      const across = columns.share[x];
      for (let c = 0; c < channels; c++) into.values[to++] = data[left + c] * (1 - across) + data[right + c] * across;
    }
  };
  for (let y = 0, to = 0; y < height; y++) {
    const [first, second, down] = [rows.low[y], rows.high[y], rows.share[y]];
    if (upper.row !== first && lower.row === first) [upper, lower] = [lower, upper];
    if (upper.row !== first) stretch(upper, first);
    if (lower.row !== second) stretch(lower, second);
    const [top, bottom] = [upper.values, lower.values];
    for (let i = 0; i < length; i++) out[to++] = Math.round(top[i] * (1 - down) + bottom[i] * down);
  }
  return { width, height, channels, data: out };
}

/** For each output position the two source positions it lies between, and the share of the second. */
function taps(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float64Array } {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const share = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const floor = Math.floor(centre);
    low[i] = Math.max(0, floor);
    high[i] = Math.min(from - 1, floor + 1);
    share[i] = centre - floor;
  }
  return { low, high, share };
}
