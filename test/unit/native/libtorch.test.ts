import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeLibtorch, examineLibtorch, isSupported } from '../../../lib/native/libtorch.js';
import { temporaryDirectory, writeFakeLibtorch } from './support.js';

describe('examineLibtorch', () => {
  it('describes a folder with libraries and headers by its version and real path', () => {
    const directory = join(temporaryDirectory(), 'torch');
    writeFakeLibtorch(directory, '2.12.1');
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    expect(examineLibtorch(link)).toEqual({ path: directory, version: '2.12.1', cuda: false });
  });

  it('names the file that is missing', () => {
    const directory = temporaryDirectory();
    writeFakeLibtorch(directory);
    rmSync(join(directory, 'lib/libc10.so'));
    expect(examineLibtorch(directory)).toEqual({ rejected: `${directory} has no lib/libc10.so` });
  });

  it('refuses a version outside the supported range, naming both', () => {
    const directory = temporaryDirectory();
    writeFakeLibtorch(directory, '2.15.0');
    expect(examineLibtorch(directory)).toEqual({
      rejected: `${directory} is libtorch 2.15.0, and the supported range is 2.11 to 2.14`,
    });
  });
});

describe('isSupported', () => {
  it.each([
    ['2.10.2', false],
    ['2.11.0', true],
    ['2.14.1+cu130', true],
    ['2.15.0', false],
    ['3.12.0', false],
    ['1.13.0', false],
    ['nonsense', false],
  ])('%s -> %s', (version, expected) => {
    expect(isSupported(version)).toBe(expected);
  });
});

describe('describeLibtorch', () => {
  it('is null where the package has no link, and where the link leads nowhere', () => {
    const root = temporaryDirectory();
    expect(describeLibtorch(root)).toBeNull();
    const target = join(root, 'elsewhere');
    mkdirSync(target);
    symlinkSync(target, join(root, 'libtorch'));
    rmSync(target, { recursive: true });
    expect(describeLibtorch(root)).toBeNull();
  });
});
