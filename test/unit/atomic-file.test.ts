import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FileError } from '../../lib/errors.js';
import { writeFileAtomically } from '../../lib/atomic-file.js';
import { temporaryFolder } from './models/support.js';

afterEach(() => void vi.restoreAllMocks());

/** Makes every file opened for writing fail as a full disk does, after so many bytes. */
function fillDisk(code: string, after: number): void {
  const open = fs.open.bind(fs);
  vi.spyOn(fs, 'open').mockImplementation(async (...args) => {
    const handle = await open(...args);
    let left = after;
    const write = handle.write.bind(handle) as (bytes: Uint8Array, start: number, length: number) => Promise<unknown>;
    const limited = async (bytes: Uint8Array, start: number, length: number): Promise<unknown> => {
      if (left === 0) throw Object.assign(new Error(`${code}: no space left on device, write`), { code });
      const taken = Math.min(left, length);
      left -= taken;
      return write(bytes, start, taken);
    };
    Object.assign(handle, { write: limited });
    return handle;
  });
}

describe('writeFileAtomically', () => {
  it('replaces the file by all that was appended', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, 'old');
    await writeFileAtomically(path, async (append) => {
      await append(Buffer.from('new '));
      expect(readFileSync(path, 'utf8')).toBe('old');
      await append(Buffer.from('content'));
    });
    expect(readFileSync(path, 'utf8')).toBe('new content');
  });

  it('keeps the old file, removes the temporary one and names the path when the disk is full', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'file');
    writeFileSync(path, 'old');
    fillDisk('ENOSPC', 1000);
    const write = writeFileAtomically(path, async (append) => {
      for (let i = 0; i < 10; i++) await append(Buffer.alloc(300));
    });
    const error: unknown = await write.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: 'E_IO', path });
    expect((error as FileError).message).toBe(
      `cannot write ${path}: the disk is full; free space or choose another folder`,
    );
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('goes on where the system takes less than it is given', async () => {
    const path = join(temporaryFolder(), 'file');
    const open = fs.open.bind(fs);
    vi.spyOn(fs, 'open').mockImplementation(async (...args) => {
      const handle = await open(...args);
      const write = handle.write.bind(handle) as (bytes: Uint8Array, start: number, length: number) => Promise<unknown>;
      return Object.assign(handle, {
        write: (bytes: Uint8Array, start: number, length: number) => write(bytes, start, Math.min(7, length)),
      });
    });
    const content = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
    await writeFileAtomically(path, (append) => append(content));
    expect(readFileSync(path)).toEqual(content);
  });

  it('hands on what goes wrong in making the content, and leaves nothing', async () => {
    const folder = temporaryFolder();
    const fault = new Error('no such tensor');
    await expect(writeFileAtomically(join(folder, 'file'), () => Promise.reject(fault))).rejects.toBe(fault);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('follows a link, and leaves the mode of the file that it replaces', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), 'old');
    chmodSync(join(folder, 'file'), 0o640);
    symlinkSync('file', join(folder, 'link'));
    await writeFileAtomically(join(folder, 'link'), (append) => append(Buffer.from('new')));
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('new');
    expect(lstatSync(join(folder, 'file')).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['file', 'link']);
  });

  it('leaves a pipe, as any device, what it is', async () => {
    const path = join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(writeFileAtomically(path, (append) => append(Buffer.from('new')))).rejects.toThrow(
      `cannot write ${path}: it is not a regular file; choose another path`,
    );
    expect(lstatSync(path).isFIFO()).toBe(true);
  });

  it('says so where the path is a folder', async () => {
    const folder = temporaryFolder();
    await fs.mkdir(join(folder, 'file'));
    await expect(writeFileAtomically(join(folder, 'file'), () => Promise.resolve())).rejects.toThrow(
      /it is a folder; choose another path/,
    );
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
