import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { families, renderTexture, type Domain } from '../../../lib/demo/textures.js';

const DOMAINS: Domain[] = ['source', 'target'];
const all = DOMAINS.flatMap((domain) => Object.keys(families[domain]).map((name) => [domain, name] as const));

/** Share of neighbouring grey values along rows and columns that differ by more than noise does. */
function roughness(pixels: Uint8Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size * (size - 1); i++) {
    sum += Math.abs(pixels[3 * i + 1] - pixels[3 * (i + size) + 1]);
  }
  return sum / (size * (size - 1));
}

describe('texture families', () => {
  it('are at least 24 in the source domain and 6 others in the target domain', () => {
    expect(Object.keys(families.source).length).toBeGreaterThanOrEqual(24);
    expect(Object.keys(families.target)).toHaveLength(6);
    expect(Object.keys(families.target).filter((name) => name in families.source)).toEqual([]);
  });

  it.each(all)('draw images with structure: %s %s', (domain, name) => {
    for (const seed of ['a', 'b', 'c']) {
      const pixels = renderTexture(domain, name, 32, seed);
      expect(pixels).toHaveLength(32 * 32 * 3);
      expect(new Set(pixels).size).toBeGreaterThan(20);
      expect(roughness(pixels, 32)).toBeGreaterThan(1);
    }
  });

  it('draw the same pixels for a seed and others for another', () => {
    for (const [domain, name] of all) {
      const digest = (seed: string) =>
        createHash('sha256')
          .update(renderTexture(domain, name, 16, seed))
          .digest('hex');
      expect(digest('a')).toBe(digest('a'));
      expect(digest('a')).not.toBe(digest('b'));
    }
  });

  it('differ from each other in structure, not in seed', () => {
    const digests = all.map(([domain, name]) =>
      createHash('sha256')
        .update(renderTexture(domain, name, 16, 'a'))
        .digest('hex'),
    );
    expect(new Set(digests).size).toBe(all.length);
  });

  it('draw the pixels they always drew: a change needs a new GENERATOR_VERSION', () => {
    const hash = createHash('sha256');
    for (const [domain, name] of all) hash.update(renderTexture(domain, name, 16, 'fixture'));
    expect(hash.digest('hex')).toBe('3e5769d74e24927876222f88f8b9b82bd27bcd2051082bb800109824fa550085');
  });
});
