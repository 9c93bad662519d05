/** Files that are there whole or not at all. */
import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, FinepuneError, messageOf } from './errors.js';

/** Bytes given to the system at a time; it takes less than 2 GB in one call. */
const PIECE = 64 * 1024 * 1024;

let counter = 0;

const REASONS: Record<string, ((path: string) => string) | undefined> = {
  ENOSPC: () => 'the disk is full; free space or choose another folder',
  EDQUOT: () => 'the disk quota is used up; free space or choose another folder',
  EFBIG: () => 'the file would be larger than the system allows; raise the limit or choose another folder',
  EACCES: () => 'permission denied; choose a folder you may write to',
  EPERM: () => 'permission denied; choose a folder you may write to',
  EROFS: () => 'the file system is read-only; choose another folder',
  ENOENT: (path) => `the folder ${dirname(path)} does not exist; make it first`,
  ENOTDIR: (path) => `${dirname(path)} is not a folder; choose another path`,
  EISDIR: () => 'it is a folder; choose another path',
};

function explain(error: unknown, path: string): unknown {
  if (error instanceof FinepuneError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  // Failures of what produces the content are not this file's.
  if (typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  const reason = REASONS[code]?.(path) ?? messageOf(error);
  return new FileError(`cannot write ${path}: ${reason}`, path, { cause: error });
}

/**
 * Writes all of the bytes: the system may take fewer at a time, near the end of a disk or a limit.
 * @param position where in the file; where its last write ended if not given.
 */
export async function writeAll(handle: fs.FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const at = position === undefined ? null : position + done;
    done += (await handle.write(bytes, done, Math.min(PIECE, bytes.length - done), at)).bytesWritten;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What is replaced: the file that a link leads to, with its mode; `path` where nothing is there yet. */
async function targetOf(path: string): Promise<{ target: string; mode: number | undefined }> {
  let found;
  try {
    found = await fs.stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { target: path, mode: undefined };
    throw error;
  }
  // A device or a pipe would be gone, with a file in its place.
  if (!found.isFile() && !found.isDirectory()) {
    throw new FileError(`cannot write ${path}: it is not a regular file; choose another path`, path);
  }
  return { target: await fs.realpath(path), mode: found.mode & 0o7777 };
}

async function openTemporary(path: string): Promise<{ handle: fs.FileHandle; temporary: string }> {
  for (;;) {
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${counter++}.tmp`);
    try {
      return { handle: await fs.open(temporary, 'wx'), temporary };
    } catch (error) {
      // Left by a killed process that had our number.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Writes a file through a temporary one in the same folder: content, fsync, rename, fsync of the folder. A link stays, and
 * what it leads to is replaced; a file that was there leaves its mode.
 *
 * @param produce called with a function that appends bytes and resolves once the system has them.
 * @throws FileError where the system refuses (a full disk, permissions) or `path` is a device or a pipe; errors of `produce` as they are. Either way what
 *   stood at `path` is untouched and the temporary file is gone.
 */
export async function writeFileAtomically(
  path: string,
  produce: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  let temporary: string | undefined;
  try {
    const { target, mode } = await targetOf(path);
    const opened = await openTemporary(target);
    temporary = opened.temporary;
    try {
      if (mode !== undefined) await opened.handle.chmod(mode);
      await produce((bytes) => writeAll(opened.handle, bytes));
      await opened.handle.sync();
    } finally {
      await opened.handle.close();
    }
    await fs.rename(temporary, target);
    temporary = undefined;
    await syncFolder(dirname(target));
  } catch (error) {
    if (temporary !== undefined) await fs.rm(temporary, { force: true });
    throw explain(error, path);
  }
}
