import { beforeEach, describe, expect, it } from 'vitest';
import { requireBuildTools } from '../../../lib/native/install/build-tools.js';
import { setEnvironment, temporaryDirectory, usePath, writeProgram } from './support.js';

let programs: string;

beforeEach(() => {
  programs = temporaryDirectory();
  usePath(programs);
  setEnvironment({ CXX: undefined });
  writeProgram(programs, 'c++', 'echo g++ 12.2');
  writeProgram(programs, 'cmake', 'echo cmake version 3.25.1');
  writeProgram(programs, 'make', 'echo GNU Make');
});

describe('requireBuildTools', () => {
  it('is content with a compiler, CMake and make', async () => {
    await expect(requireBuildTools()).resolves.toBeUndefined();
  });

  it.each([
    ['c++', /^no C\+\+ compiler was found; install one, e\.g\. apt-get install g\+\+$/],
    ['cmake', /^CMake was not found; install version 3\.22 or later/],
    ['make', /^neither ninja nor make was found/],
  ])('names a missing %s in one line', async (program, expected) => {
    writeProgram(programs, program, 'exit 127');
    await expect(requireBuildTools()).rejects.toThrow(expected);
  });

  it('refuses a CMake that is too old, saying which it is', async () => {
    writeProgram(programs, 'cmake', 'echo cmake version 3.18.4');
    await expect(requireBuildTools()).rejects.toThrow(/^CMake is 3\.18; install version 3\.22 or later/);
  });

  it('tells of a CXX that does not run', async () => {
    setEnvironment({ CXX: 'no-such-compiler' });
    await expect(requireBuildTools()).rejects.toThrow(/CXX names, no-such-compiler, does not run/);
  });
});
