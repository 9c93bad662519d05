/** Small shell scripts that stand for a Python with or without what a benchmark needs. */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the scripts of test/bench say first. */
export const VERSIONS = `echo '{"torch": "2"}'`;

/** Path of a program; "$1" is the script of test/bench it is called for. */
export function fakePython(script: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'finepune-python-')), 'python');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}
