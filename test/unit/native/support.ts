/** What the tests of the installation share: folders that look like libtorch, programs on PATH, archives. */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { onTestFinished } from 'vitest';
import yazl from 'yazl';
import type { InstallContext, InstallProgress } from '../../../lib/native/install/progress.js';

/** A folder that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'finepune-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Sets variables of the environment for one test; undefined unsets. */
export function setEnvironment(values: Record<string, string | undefined>): void {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  assignEnvironment(values);
  onTestFinished(() => assignEnvironment(before));
}

function assignEnvironment(values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
}

/** A shared library every machine has, to stand for one that loads. */
function someLibrary(): string {
  const report = process.report.getReport() as { sharedObjects: string[] };
  const library = report.sharedObjects.find((path) => /libm\.so/.test(path));
  if (library === undefined) throw new Error('this process has loaded no libm');
  return library;
}

/** Makes `directory` a folder with all that tells a libtorch; `loads` false makes its libraries text. */
export function writeFakeLibtorch(directory: string, version = '2.13.0', loads = true): void {
  mkdirSync(join(directory, 'lib'), { recursive: true });
  for (const name of ['libtorch_cpu.so', 'libc10.so']) {
    if (loads) copyFileSync(someLibrary(), join(directory, 'lib', name));
    else writeFileSync(join(directory, 'lib', name), 'not a library');
  }
  const [major, minor, patch] = version.split('.');
  writeFile(join(directory, 'include/ATen/ATen.h'), '');
  writeFile(
    join(directory, 'include/torch/headeronly/version.h'),
    `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`,
  );
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Puts a shell script called `name` into `directory`. */
export function writeProgram(directory: string, name: string, script: string): void {
  const path = join(directory, name);
  writeFile(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Makes `directory` the only folder of PATH, but for a few programs that scripts need. */
export function usePath(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of ['cp', 'cat', 'sleep']) writeProgram(directory, name, `exec /bin/${name} "$@"`);
  setEnvironment({ PATH: directory });
}

/** Every file below `directory`, as paths relative to it. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** Zips the files below `source` under `prefix`; a wheel's RECORD is added where `record` changes its hashes. */
export async function writeZip(
  file: string,
  source: string,
  prefix: string,
  record?: (path: string, hash: string) => string,
): Promise<void> {
  const zip = new yazl.ZipFile();
  const lines: string[] = [];
  for (const path of filesBelow(source)) {
    const bytes = readFileSync(join(source, path));
    zip.addBuffer(bytes, `${prefix}/${path}`);
    const hash = createHash('sha256').update(bytes).digest('base64url');
    lines.push(`${prefix}/${path},sha256=${record?.(path, hash) ?? hash},${bytes.length}`);
  }
  if (record !== undefined) zip.addBuffer(Buffer.from(lines.join('\n')), 'torch-2.13.0+cpu.dist-info/RECORD');
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
}

/** A context that keeps what it is told. */
export function recordingContext(): InstallContext & { notes: string[]; progress: InstallProgress[] } {
  const notes: string[] = [];
  const progress: InstallProgress[] = [];
  return { notes, progress, note: (line) => notes.push(line), onProgress: (step) => progress.push(step) };
}
