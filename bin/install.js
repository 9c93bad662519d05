#!/usr/bin/env node
/* What npm runs after `npm install` and `npm ci`: `finepune-native install`, compiling TypeScript first in a source checkout. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Compiles lib/ into dist/; the packed package has dist/ and neither lib/ nor a compiler. */
function compileTypeScript() {
  let compiler;
  try {
    compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch {
    console.error(
      'error E_INSTALL: TypeScript is missing, which a source checkout needs; run: npm install --include=dev',
    );
    process.exit(1);
  }
  const { status } = spawnSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (existsSync(new URL('../lib', import.meta.url))) compileTypeScript();
process.argv = [process.argv[0], process.argv[1], 'install', ...process.argv.slice(2)];
await import('../dist/cli/main.js');
