import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { findLibtorch } from '../../../lib/native/install/find-libtorch.js';
import { filesBelow, recordingContext, setEnvironment, temporaryDirectory, usePath, writeFakeLibtorch, writeProgram, writeZip } from './support.js';

let directory: string;
let root: string;
let cache: string;
let programs: string;

beforeEach(() => {
  directory = temporaryDirectory();
  root = join(directory, 'package');
  cache = join(directory, 'cache');
  programs = join(directory, 'programs');
  mkdirSync(root);
  usePath(programs);
  setEnvironment({
    FINEPUNE_CACHE: cache,
    LIBTORCH: undefined,
    FINEPUNE_LIBTORCH_URL: undefined,
    FINEPUNE_LIBTORCH_SHA256: undefined,
  });
});

/** A python3 that knows torch at `torch` (or none), and whose pip download runs `download` with $dest set. */
function installPython({ torch = '', download = 'echo "ERROR: No matching distribution found" >&2; exit 1' }): void {
  writeProgram(
    programs,
    'python3',
    `case "$1 $2 $3" in
      "-m pip --version") echo "pip 24"; exit 0;;
      "-m pip download") echo "$@" >> ${directory}/pip-arguments
        while [ "$1" != --dest ]; do shift; done; dest=$2
        ${download};;
      *) echo "${torch}";;
    esac`,
  );
}

async function writeWheel(): Promise<string> {
  const wheel = join(directory, 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl');
  writeFakeLibtorch(join(directory, 'wheel-content'));
  await writeZip(wheel, join(directory, 'wheel-content'), 'torch', (_path, hash) => hash);
  return wheel;
}

/** Serves a C++ archive on the loopback and points FINEPUNE_LIBTORCH_URL at it. */
async function serveArchive(): Promise<void> {
  writeFakeLibtorch(join(directory, 'archive-content'), '2.14.0');
  await writeZip(join(directory, 'libtorch.zip'), join(directory, 'archive-content'), 'libtorch');
  const bytes = readFileSync(join(directory, 'libtorch.zip'));
  const server = createServer((_request, response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  setEnvironment({ FINEPUNE_LIBTORCH_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtorch.zip` });
}

describe('findLibtorch', () => {
  it('takes the folder LIBTORCH names before all else', async () => {
    const named = join(directory, 'named');
    writeFakeLibtorch(named, '2.11.0');
    writeFakeLibtorch(join(root, 'libtorch'));
    setEnvironment({ LIBTORCH: named });
    await expect(findLibtorch(root, false, recordingContext())).resolves.toMatchObject({ path: named, version: '2.11.0' });
  });

  it('never passes over a LIBTORCH that cannot be used', async () => {
    installPython({});
    setEnvironment({ LIBTORCH: join(directory, 'nowhere') });
    await expect(findLibtorch(root, false, recordingContext())).rejects.toThrow(
      `LIBTORCH cannot be used: ${directory}/nowhere has no lib/libtorch_cpu.so; set it to a libtorch folder, or unset it`,
    );
  });

  it('says why a LIBTORCH with the right files does not load', async () => {
    const named = join(directory, 'named');
    writeFakeLibtorch(named, '2.13.0', false);
    setEnvironment({ LIBTORCH: named });
    await expect(findLibtorch(root, false, recordingContext())).rejects.toThrow(/cannot be used: .*(ELF|too short)/);
  });

  it('keeps the one linked already', async () => {
    const linked = join(directory, 'linked');
    writeFakeLibtorch(linked, '2.12.0');
    symlinkSync(linked, join(root, 'libtorch'));
    await expect(findLibtorch(root, false, recordingContext())).resolves.toMatchObject({ path: linked });
  });

  it("takes the torch of the Python on PATH before asking pip", async () => {
    const torch = join(directory, 'site-packages/torch');
    writeFakeLibtorch(torch, '2.14.1');
    installPython({ torch });
    await expect(findLibtorch(root, false, recordingContext())).resolves.toMatchObject({ path: torch, version: '2.14.1' });
    expect(existsSync(join(directory, 'pip-arguments'))).toBe(false);
  });

  it("passes over a Python torch of another version, saying so, and takes the wheel through pip", async () => {
    const torch = join(directory, 'site-packages/torch');
    writeFakeLibtorch(torch, '2.5.0');
    const wheel = await writeWheel();
    installPython({ torch, download: `cp "${wheel}" "$dest"` });
    const context = recordingContext();
    const found = await findLibtorch(root, false, context);
    expect(found).toEqual({ path: join(cache, 'libtorch/2.13.0-cpu'), version: '2.13.0', cuda: false });
    expect(context.notes[0]).toMatch(/passing over Python's torch: .* is libtorch 2\.5\.0/);
    expect(context.progress.at(-1)).toMatchObject({ task: 'unpacking libtorch', unit: 'bytes' });
    expect(filesBelow(cache)).toContain('libtorch/2.13.0-cpu/lib/libtorch_cpu.so');
    const asked = readFileSync(join(directory, 'pip-arguments'), 'utf8');
    expect(asked).toMatch(/--no-deps .*--only-binary=:all: .*--python-version=3\.11 --abi=cp311 .*torch==2\.13\.0\+cpu/);
    expect(asked).not.toMatch(/index-url|find-links/);
  });

  it('uses what the cache has without asking pip again', async () => {
    installPython({ download: `cp "${await writeWheel()}" "$dest"` });
    await findLibtorch(root, false, recordingContext());
    await findLibtorch(root, false, recordingContext());
    expect(readFileSync(join(directory, 'pip-arguments'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('lets concurrent installers wait for the first', async () => {
    installPython({ download: `sleep 1; cp "${await writeWheel()}" "$dest"` });
    const contexts = [recordingContext(), recordingContext(), recordingContext()];
    const found = await Promise.all(contexts.map((context) => findLibtorch(root, false, context)));
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
    expect(readFileSync(join(directory, 'pip-arguments'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('leaves nothing half installed where the wheel does not load', async () => {
    const wheel = join(directory, 'torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl');
    writeFakeLibtorch(join(directory, 'broken'), '2.13.0', false);
    await writeZip(wheel, join(directory, 'broken'), 'torch', (_path, hash) => hash);
    installPython({ download: `cp "${wheel}" "$dest"` });
    await expect(findLibtorch(root, false, recordingContext())).rejects.toThrow(/does not load/);
    expect(filesBelow(cache)).toEqual([]);
  });

  it('takes the C++ archive FINEPUNE_LIBTORCH_URL names', async () => {
    await serveArchive();
    const found = await findLibtorch(root, false, recordingContext());
    expect(found.version).toBe('2.14.0');
    expect(found.path).toMatch(/libtorch\/archive-[0-9a-f]{12}$/);
    expect(filesBelow(cache).filter((path) => path.includes('downloads'))).toEqual([]);
  });

  it('refuses an archive whose hash is not FINEPUNE_LIBTORCH_SHA256', async () => {
    await serveArchive();
    setEnvironment({ FINEPUNE_LIBTORCH_SHA256: 'f'.repeat(64) });
    await expect(findLibtorch(root, false, recordingContext())).rejects.toThrow(/has SHA-256 .*expected ffff/);
    expect(filesBelow(cache)).toEqual([]);
  });
});
