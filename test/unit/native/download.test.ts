import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InstallError } from '../../../lib/errors.js';
import { download } from '../../../lib/native/install/download.js';
import { temporaryDirectory } from './support.js';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const quick = { pauseMilliseconds: 1 };

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server on the loopback whose every request goes to `handler`; gives its URL and the Range headers it saw. */
async function serve(handler: Handler): Promise<{ url: string; ranges: (string | undefined)[] }> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    handler(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtorch.zip`, ranges };
}

/** Answers like a file server: whole, or from the range's start where If-Range names this version. */
function sendContent(request: IncomingMessage, response: ServerResponse, etag = '"1"', body = content): void {
  const offset = request.headers['if-range'] === etag ? Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0) : 0;
  const rest = body.subarray(offset);
  response.writeHead(offset > 0 ? 206 : 200, { etag, 'content-length': rest.length }).end(rest);
}

/** Sends the first `count` bytes, waits until they have arrived in `part`, and cuts the connection. */
function sendAndCut(response: ServerResponse, count: number, part: string): void {
  response.writeHead(200, { etag: '"1"', 'content-length': content.length }).write(content.subarray(0, count));
  const poll = setInterval(() => {
    if (!existsSync(part) || statSync(part).size < count) return;
    clearInterval(poll);
    response.destroy();
  }, 5);
}

describe('download', () => {
  it('writes the whole file, and reports progress up to its size', async () => {
    const { url } = await serve((request, response) => sendContent(request, response));
    const file = join(temporaryDirectory(), 'archive.zip');
    const progress: [number, number][] = [];
    await download(url, file, { ...quick, sha256, onProgress: (done, total) => progress.push([done, total]) });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual([content.length, content.length]);
    expect(existsSync(`${file}.part`)).toBe(false);
    expect(existsSync(`${file}.part.json`)).toBe(false);
  });

  it('goes on where the connection was cut', async () => {
    const file = join(temporaryDirectory(), 'archive.zip');
    const { url, ranges } = await serve((request, response, count) =>
      count === 1 ? sendAndCut(response, 100_000, `${file}.part`) : sendContent(request, response),
    );
    await download(url, file, { ...quick, sha256 });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-']);
  });

  it('goes on in a later call with what an interrupted one left', async () => {
    const file = join(temporaryDirectory(), 'archive.zip');
    const { url, ranges } = await serve((request, response, count) =>
      count === 1 ? sendAndCut(response, 50_000, `${file}.part`) : sendContent(request, response),
    );
    await expect(download(url, file, { ...quick, attempts: 1 })).rejects.toThrow(/run the same command to go on/);
    await download(url, file, { ...quick, sha256 });
    expect(ranges).toEqual([undefined, 'bytes=50000-']);
  });

  it('starts again where the server has another version of the file', async () => {
    const other = Buffer.alloc(200_000, 7);
    const file = join(temporaryDirectory(), 'archive.zip');
    const { url } = await serve((request, response, count) =>
      count === 1 ? sendAndCut(response, 100_000, `${file}.part`) : sendContent(request, response, '"2"', other),
    );
    await download(url, file, quick);
    expect(readFileSync(file).equals(other)).toBe(true);
  });

  it('does not append to a part that another URL began', async () => {
    const { url, ranges } = await serve((request, response) => sendContent(request, response));
    const file = join(temporaryDirectory(), 'archive.zip');
    writeFileSync(`${file}.part`, 'something else');
    writeFileSync(`${file}.part.json`, JSON.stringify({ url: 'http://127.0.0.1/other', value: '"1"' }));
    await download(url, file, { ...quick, sha256 });
    expect(ranges).toEqual([undefined]);
  });

  it('refuses and deletes a file with the wrong hash', async () => {
    const { url } = await serve((request, response) => sendContent(request, response));
    const file = join(temporaryDirectory(), 'archive.zip');
    await expect(download(url, file, { ...quick, sha256: '0'.repeat(64) })).rejects.toThrow(
      `has SHA-256 ${sha256}, expected ${'0'.repeat(64)}`,
    );
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('stops before the first byte where the disk is too small', async () => {
    const { url, ranges } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1e15 });
      response.write('beginning');
    });
    const directory = temporaryDirectory();
    const file = join(directory, 'archive.zip');
    const failure = download(url, file, { ...quick, attempts: 3 });
    await expect(failure).rejects.toThrow(/GB free and libtorch needs 1000000\.0 GB; free some/);
    expect(ranges).toHaveLength(1);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('does not try again where the server says there is no such file', async () => {
    const { url, ranges } = await serve((_request, response) => response.writeHead(404).end());
    const failure = download(url, join(temporaryDirectory(), 'archive.zip'), quick);
    await expect(failure).rejects.toThrow(InstallError);
    await expect(failure).rejects.toThrow(`${url} answers 404 Not Found`);
    expect(ranges).toHaveLength(1);
  });

  it('tries again after a server error, and says the reason when it gives up', async () => {
    const { url, ranges } = await serve((_request, response) => response.writeHead(503).end());
    await expect(download(url, join(temporaryDirectory(), 'a.zip'), { ...quick, attempts: 3 })).rejects.toThrow(/503/);
    expect(ranges).toHaveLength(3);
  });

  it("rejects with the signal's reason where it is aborted", async () => {
    const stop = new AbortController();
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.length }).write('beginning');
      stop.abort(new Error('enough'));
    });
    await expect(download(url, join(temporaryDirectory(), 'a.zip'), { ...quick, signal: stop.signal })).rejects.toThrow(
      'enough',
    );
  });
});
