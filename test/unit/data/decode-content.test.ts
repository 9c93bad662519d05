import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeContent } from '../../../lib/data/decode-content.js';
import { decodeImage } from '../../../lib/data/decode.js';
import { ImageError, OutOfMemoryError } from '../../../lib/errors.js';
import { rejection, temporaryFolder } from './fixtures.js';

vi.mock('../../../lib/data/decode.js', { spy: true });

const GEOMETRY = { size: 4, channels: 3 } as const;

/** What decoding a file is rejected with where its decoder fails with this error, or as it does. */
async function failureOf(cause?: Error): Promise<Error & { path?: string }> {
  const path = join(await temporaryFolder(), 'photo.jpg');
  await writeFile(path, 'text');
  const content = createHash('sha256').update('text').digest('hex');
  if (cause !== undefined) {
    vi.mocked(decodeImage).mockRejectedValueOnce(new ImageError('image: failed', undefined, { cause }));
  }
  const error = await rejection(decodeContent(path, content, GEOMETRY));
  expect(error.message).toMatch(/^\S+\/photo\.jpg: [^\n]+$/);
  return error;
}

describe('decodeContent', () => {
  it('blames an image that cannot be decoded, and names it', async () => {
    const error = await failureOf();
    expect(error).toBeInstanceOf(ImageError);
    expect(error.path).toMatch(/photo\.jpg$/);
    expect(error.message).toContain('not a JPEG');
  });

  it.each(['vips_tracked: out of memory -- size == 800MB', 'Array buffer allocation failed'])(
    'does not blame the image for want of memory: %s',
    async (words) => {
      expect(await failureOf(new Error(words))).toBeInstanceOf(OutOfMemoryError);
    },
  );

  it('blames an image that claims more than its reader takes', async () => {
    expect(await failureOf(new Error('tiff2vips: Out of memory (TIFF structure)'))).toBeInstanceOf(ImageError);
  });
});
