#!/usr/bin/env node
/*
 * Makes prebuilds/linux-x64/finepune-native.node with prebuildify. Its node-gyp is replaced by prebuild-cmake-js.js.
 *
 * prebuildify moves the .node file out of ./build/Release of the folder it works in. That folder is a staging one, so
 * that a checkout keeps its own addon. Arguments are handed on (--out DIR puts prebuilds/ elsewhere).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const staging = join(root, 'build', 'prebuild');
const script = join(dirname(createRequire(import.meta.url).resolve('prebuildify/package.json')), 'bin.js');

rmSync(staging, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });
const options = ['--napi', '--strip', '--name', 'finepune-native', '--cwd', staging];
const out = process.argv.some((word) => word.startsWith('--out')) ? [] : ['--out', root];
const { status } = spawnSync(process.execPath, [script, ...options, ...out, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PREBUILD_NODE_GYP: join(root, 'bin', 'prebuild-cmake-js.js') },
});
process.exit(status ?? 1);
