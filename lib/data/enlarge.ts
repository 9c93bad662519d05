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
  let to = 0;
  for (let y = 0; y < height; y++) {
    const upper = rows.low[y] * image.width;
    const lower = rows.high[y] * image.width;
    const down = rows.share[y];
    for (let x = 0; x < width; x++) {
      const left = columns.low[x];
      const right = columns.high[x];
      const across = columns.share[x];
      for (let c = 0; c < channels; c++) {
        const at = (pixel: number) => data[pixel * channels + c];
        const top = at(upper + left) * (1 - across) + at(upper + right) * across;
        const bottom = at(lower + left) * (1 - across) + at(lower + right) * across;
        out[to++] = Math.round(top * (1 - down) + bottom * down);
      }
    }
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
