import { InstallError } from '../../errors.js';
import { runCommand } from './run-command.js';

const oldestCMake = [3, 22] as const;

/**
 * Checks that a C++ compiler, CMake and a build program are there.
 * @throws InstallError with one line that names what is missing and how to install it.
 */
export async function requireBuildTools(signal?: AbortSignal): Promise<void> {
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  if (!(await anyRuns(compilers, signal))) {
    throw new InstallError(
      process.env.CXX
        ? `the C++ compiler CXX names, ${process.env.CXX}, does not run; set CXX to one that does`
        : 'no C++ compiler was found; install one, e.g. apt-get install g++',
    );
  }
  const cmake = await runCommand('cmake', ['--version'], { signal });
  const version = /version (\d+)\.(\d+)/.exec(cmake.stdout);
  if (cmake.status !== 0 || version === null) {
    throw new InstallError('CMake was not found; install version 3.22 or later, e.g. apt-get install cmake');
  }
  if (Number(version[1]) * 1000 + Number(version[2]) < oldestCMake[0] * 1000 + oldestCMake[1]) {
    throw new InstallError(`CMake is ${version[1]}.${version[2]}; install version 3.22 or later, e.g. pip install cmake`);
  }
  if (!(await anyRuns(['ninja', 'make'], signal))) {
    throw new InstallError('neither ninja nor make was found; install one, e.g. apt-get install make');
  }
}

async function anyRuns(programs: string[], signal: AbortSignal | undefined): Promise<boolean> {
  for (const program of programs) {
    if ((await runCommand(program, ['--version'], { signal })).status === 0) return true;
  }
  return false;
}
