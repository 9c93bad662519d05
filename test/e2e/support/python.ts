/** A Python with packages that not everybody has, for tests of what runs beside this package. */

import { spawnSync } from 'node:child_process';

/** FINEPUNE_PYTHON, or python3; null where it lacks one of the packages. Say so where a test is skipped for it. */
export function pythonWith(...packages: string[]): string | null {
  const python = process.env.FINEPUNE_PYTHON ?? 'python3';
  const { status } = spawnSync(python, ['-c', `import ${packages.join(', ')}`], { stdio: 'ignore' });
  return status === 0 ? python : null;
}

export function pythonWithTorch(): string | null {
  return pythonWith('torch', 'numpy', 'PIL');
}
