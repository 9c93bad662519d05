#!/usr/bin/env node
/*
 * Stands in for node-gyp when prebuildify calls `node-gyp rebuild ...` in its staging folder: brings the addon up to
 * date with cmake-js and leaves a copy where prebuildify looks for it. node-gyp's arguments say nothing of use here,
 * since a Node-API addon fits every Node.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cmakeJs = join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');

for (const words of [['configure'], ['build', '--target', 'finepune']]) {
  const { status } = spawnSync(process.execPath, [cmakeJs, ...words, '--directory', root, '--log-level', 'error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
const target = join(process.cwd(), 'build', 'Release');
mkdirSync(target, { recursive: true });
copyFileSync(join(root, 'build', 'Release', 'finepune.node'), join(target, 'finepune.node'));
