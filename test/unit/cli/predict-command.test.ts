/** How `predict` classifies many images. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runProgram } from '../../../lib/cli/program.js';
import { ImageError } from '../../../lib/errors.js';
import { FakeStream } from './fake-stream.js';

/** The lists that the stand-in for a model was given, and the images printed before each. */
const calls = vi.hoisted((): { list: string[]; printed: number }[] => []);
let stdout: FakeStream;
vi.mock('../../../lib/serve/index.js', () => ({
  loadModel: () =>
    Promise.resolve({
      classify: (list: string[]) => {
        calls.push({ list, printed: stdout.lines.filter((line) => line.startsWith('image-')).length });
        return Promise.resolve(
          list.map((image) =>
            image.startsWith('bad') ? new ImageError(`${image}: no image`, image) : [{ label: 'cat', probability: 1 }],
          ),
        );
      },
      dispose: () => Promise.resolve(),
    }),
}));

async function predict(...words: string[]): Promise<{ status: number; stderr: string }> {
  const stderr = new FakeStream();
  const signal = new AbortController().signal;
  const status = await runProgram(['predict', 'model', ...words], {
    stdout,
    stderr,
    signal,
    onSlowWork: () => undefined,
  });
  return { status, stderr: stderr.text };
}

beforeEach(() => {
  stdout = new FakeStream();
  calls.length = 0;
});

describe('predict', () => {
  const images = Array.from({ length: 150 }, (_, index) => `image-${index}`);

  it('classifies lists that fill two batches, and prints each as it is done', async () => {
    expect(await predict(...images)).toEqual({ status: 0, stderr: '' });
    expect(calls.flatMap(({ list }) => list)).toEqual(images);
    expect(calls.map(({ list, printed }) => [list.length, printed])).toEqual([
      [64, 0],
      [64, 64],
      [22, 128],
    ]);
  });

  it('gives one JSON array of all lists', async () => {
    await predict(...images, '--json');
    const rows = JSON.parse(stdout.text) as { image: string }[];
    expect(rows.map(({ image }) => image)).toEqual(images);
  });

  it('tells of a picture with a line end in its name in one line', async () => {
    expect(await predict('bad\nname', 'image-1')).toEqual({
      status: 1,
      stderr: 'error E_IMAGE: bad name: no image\n',
    });
    expect(stdout.text).toContain('image-1\n');
  });

  it('takes images after --, and those that look like flags', async () => {
    await predict('image-1', '--', 'image-2', '-dash.jpg');
    expect(calls[0]?.list).toEqual(['image-1', 'image-2', '-dash.jpg']);
  });
});
