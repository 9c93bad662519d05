import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addonStatus, loadAddon } from '../../lib/native/load.js';

describe('the addon file', () => {
  it('finds libtorch by a path relative to itself only, so that it can be moved and packed', () => {
    const { addon } = addonStatus();
    const dynamic = execFileSync('readelf', ['-d', addon ?? ''], { encoding: 'utf8' });
    const paths = [...dynamic.matchAll(/\((?:RUNPATH|RPATH)\).*\[(.*)\]/g)].map((match) => match[1]);
    expect(paths).toHaveLength(1);
    for (const path of (paths[0] ?? '').split(':')) expect(path).toMatch(/^\$ORIGIN\/\.\.\/\.\.\/libtorch\/lib/);
  });

  it('brings one OpenMP runtime into the process: the one of libtorch', () => {
    loadAddon();
    const maps = readFileSync('/proc/self/maps', 'utf8');
    const runtimes = new Set(maps.match(/\S*\/lib(?:gomp|iomp5|omp)[-.]\S*/g));
    const torch = new Set(maps.match(/\S*\/libtorch_cpu\.so/g));
    expect(torch.size).toBe(1);
    expect(runtimes.size).toBe(1);
  });

  it('is the one addonStatus describes, made for the libtorch at hand', () => {
    const status = addonStatus();
    expect(status).toMatchObject({ loaded: true, errors: [] });
    expect(loadAddon().info().libtorch).toContain(status.libtorch?.version);
  });
});
