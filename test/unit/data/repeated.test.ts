import { describe, expect, it } from 'vitest';
import type { Dataset, Item } from '../../../lib/data/index.js';
import { findRepeated, repeatedNote } from '../../../lib/data/repeated.js';

const itemsOf = (...paths: string[]): Item[] => paths.map((path) => ({ path, label: 0 }));

/** A data set of these paths, of which the first letter is the content and x cannot be read. */
function repeatedIn(fit: string[], tune: string[], test: string[]): ReturnType<typeof findRepeated> {
  const dataset: Dataset = {
    layout: 'folders',
    labels: ['only'],
    split: null,
    ignored: null,
    fit: itemsOf(...fit),
    tune: itemsOf(...tune),
    test: itemsOf(...test),
  };
  const readable = [...fit, ...tune, ...test].filter((path) => !path.startsWith('x'));
  return findRepeated(dataset, { recordOf: new Map(readable.map((path) => [path, path.charCodeAt(0)])) });
}

describe('images to tune and to test that are also among those to fit', () => {
  it('are counted by their contents, each file by itself', () => {
    expect(repeatedIn(['a1', 'b1', 'c1'], ['a2', 'd1'], ['e1', 'a3', 'b2', 'b3'])).toEqual({
      tune: 1,
      test: 3,
      example: { path: 'a3', inFit: 'a1' },
    });
    expect(repeatedIn(['a1'], ['a2'], ['b1'])).toEqual({ tune: 1, test: 0, example: { path: 'a2', inFit: 'a1' } });
  });

  it('are none where files repeat within a part only, or cannot be read', () => {
    expect(repeatedIn(['a1', 'a2', 'x1'], ['b1', 'b2'], ['c1', 'c2', 'x2'])).toBeNull();
  });

  it('are told in one line: how many, what that does, how to mend it', () => {
    const example = { path: 'tile/3.jpg', inFit: 'tile/9.jpg' };
    const parts = { tune: 80, test: 1200 };
    expect(repeatedNote({ tune: 3, test: 1000, example }, parts)).toBe(
      '1,000 of 1,200 images to test and 3 of 80 to tune are also among those to fit, byte for byte: accuracy on them looks better than it is; keep one file of each (tile/3.jpg is tile/9.jpg)',
    );
    expect(repeatedNote({ tune: 0, test: 2, example }, parts)).toMatch(/^2 of 1,200 images to test are also/);
    expect(repeatedNote({ tune: 2, test: 0, example }, parts)).toMatch(/^2 of 80 images to tune are also/);
    expect(repeatedNote({ tune: 0, test: 1, example }, parts)).toMatch(
      /^1 of 1,200 images to test is also .* on it looks/,
    );
  });
});
