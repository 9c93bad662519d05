/** A Python with torch, numpy and pillow, for tests of what runs beside this package. */

import { spawnSync } from 'node:child_process';

/** FINEPUNE_PYTHON, or python3; null where it lacks the packages. Say so where a test is skipped for it. */
export function pythonWithTorch(): string | null {
  const python = process.env.FINEPUNE_PYTHON ?? 'python3';
  const { status } = spawnSync(python, ['-c', 'import torch, numpy, PIL'], { stdio: 'ignore' });
  return status === 0 ? python : null;
}
