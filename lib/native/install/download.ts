/** A download that goes on where it was cut: by the server, by the network, or by a killed installer. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type Dispatcher, type Response } from 'undici';
import { InstallError, messageOf } from '../../errors.js';
import { requireSpaceForLibtorch } from './disk-space.js';

export interface DownloadOptions {
  /** Hex. A file with another hash is deleted. */
  sha256?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** How often in a row a connection may break without a byte gained; 5 unless told. */
  attempts?: number;
  /** Pause before going on, doubled each time; 1000 unless told. */
  pauseMilliseconds?: number;
}

/** What tells one version of a remote file from the next. */
interface Validator {
  url: string;
  value: string | null;
}

/**
 * Downloads `url` to `file`. Until it is complete the bytes lie in `file`.part, and a later call with the same URL
 * goes on from there if the server's file is still the same one.
 *
 * @throws InstallError where the server has no such file, the connection keeps breaking, the disk is too small, or
 * the hash differs.
 */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  // Honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
  const dispatcher = new EnvHttpProxyAgent();
  try {
    await fetchAll(url, part, dispatcher, options);
  } finally {
    await dispatcher.destroy();
  }
  await requireHash(part, url, options.sha256);
  await rename(part, file);
  await rm(`${part}.json`, { force: true });
}

/** Requests what is missing until the part is complete, or no attempt gains a byte any more. */
async function fetchAll(url: string, part: string, dispatcher: Dispatcher, options: DownloadOptions): Promise<void> {
  const attempts = options.attempts ?? 5;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      await fetchRest(url, part, dispatcher, options);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      // Ours are about what trying again will not change; the network's are of other classes.
      if (error instanceof InstallError) throw error;
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      if (failures >= attempts) {
        throw new InstallError(`${url} cannot be downloaded (${reasonOf(error)}); run the same command to go on`, {
          cause: error,
        });
      }
      await sleep((options.pauseMilliseconds ?? 1000) * 2 ** (failures - 1), undefined, { signal: options.signal });
    }
  }
}

/** One request for what is missing; returns when the part is complete. */
async function fetchRest(url: string, part: string, dispatcher: Dispatcher, options: DownloadOptions): Promise<void> {
  const validator = await readValidator(part, url);
  let offset = validator === null ? 0 : await sizeOf(part);
  const headers: Record<string, string> = {};
  if (offset > 0 && validator?.value != null) {
    headers.range = `bytes=${offset}-`;
    // Bytes of another version of the file must not be appended.
    headers['if-range'] = validator.value;
  }
  const response = await fetch(url, {
    headers,
    dispatcher,
    signal: options.signal ?? null,
  });
  if (response.status === 416) {
    // The part is as long as the file, or of another one: only starting again can tell.
    await response.body?.cancel();
    await rm(part, { force: true });
    throw new Error('the server has another file than before');
  }
  if (response.status !== 200 && response.status !== 206) {
    await response.body?.cancel();
    const message = `${url} answers ${response.status} ${response.statusText}`.trimEnd();
    throw response.status >= 500 ? new Error(message) : new InstallError(message);
  }
  if (response.body === null) throw new Error('the answer is empty');
  if (response.status === 200) {
    offset = 0;
    await writeValidator(part, response, url);
  }
  const total = offset + Number(response.headers.get('content-length') ?? Number.NaN);
  if (Number.isFinite(total)) {
    await requireSpaceForLibtorch(dirname(part), total - offset).catch(async (error: unknown) => {
      await response.body?.cancel();
      throw error;
    });
  }

  let done = offset;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length;
      options.onProgress?.(done, Number.isFinite(total) ? total : done);
      callback(null, chunk);
    },
  });
  const out = createWriteStream(part, { flags: offset > 0 ? 'a' : 'w' });
  await pipeline(Readable.fromWeb(response.body), count, out, { ...(options.signal && { signal: options.signal }) });
  if (Number.isFinite(total) && done < total) throw new Error('the connection was cut');
}

async function readValidator(part: string, url: string): Promise<Validator | null> {
  try {
    const validator = JSON.parse(await readFile(`${part}.json`, 'utf8')) as Partial<Validator>;
    return validator.url === url && typeof validator.value === 'string' ? { url, value: validator.value } : null;
  } catch {
    return null;
  }
}

async function writeValidator(part: string, response: Response, url: string): Promise<void> {
  // A weak tag does not promise the same bytes.
  const tag = response.headers.get('etag');
  const value = tag !== null && !tag.startsWith('W/') ? tag : response.headers.get('last-modified');
  await writeFile(`${part}.json`, JSON.stringify({ url, value } satisfies Validator));
}

async function requireHash(part: string, url: string, expected: string | undefined): Promise<void> {
  if (expected === undefined) return;
  const hash = createHash('sha256');
  await pipeline(createReadStream(part), hash);
  const actual = hash.digest('hex');
  if (actual === expected.toLowerCase()) return;
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
  throw new InstallError(`${url} has SHA-256 ${actual}, expected ${expected}; it was deleted`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

/** fetch() says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
