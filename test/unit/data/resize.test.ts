import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { decodeImage } from '../../../lib/data/index.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/resize/', import.meta.url));
const { cases } = JSON.parse(readFileSync(`${FOLDER}reference.json`, 'utf8')) as {
  cases: { image: string; size: number; pixels: string }[];
};

// Reference: test/fixtures/make_resize_reference.py. The large JPEG is shrunk while it is read, which is a little off.
it.each(cases)('resizes $image to $size as Pillow does', async ({ image, size, pixels }) => {
  const expected = Buffer.from(pixels, 'base64');
  const actual = await decodeImage(FOLDER + image, { size, channels: 3 });
  expect(actual).toHaveLength(expected.length);
  const difference = expected.reduce((sum, value, i) => sum + Math.abs(value - actual[i]), 0) / expected.length;
  expect(difference).toBeLessThan(image === 'large.jpg' ? 3 : 2);
});
