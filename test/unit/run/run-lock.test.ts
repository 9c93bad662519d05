import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type fs from 'node:fs';
import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RunError } from '../../../lib/errors.js';
import { type RunLock, acquireRunLock } from '../../../lib/run/run-lock.js';

const NOTHING = (_call: string): void => {};

/** What happens before each call of the file system that the lock makes: what others do, and what the system refuses. */
const watch = vi.hoisted(() => ({ others: (_call: string): void => {}, refusals: (_call: string): void => {} }));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof fs>();
  const names = ['openSync', 'writeFileSync', 'fsyncSync', 'linkSync', 'closeSync', 'readFileSync', 'rmSync'] as const;
  const watched = names.map((name) => [
    name,
    (...values: unknown[]): unknown => {
      watch.others(name);
      watch.refusals(name);
      // Some thousand locks are taken here, and none has to outlast the machine.
      if (name === 'fsyncSync') return undefined;
      return (original[name] as (...values: unknown[]) => unknown)(...values);
    },
  ]);
  return { ...original, ...(Object.fromEntries(watched) as object) };
});

let root = '';
let path = '';
beforeEach(() => {
  watch.others = NOTHING;
  watch.refusals = NOTHING;
  root = mkdtempSync(join(tmpdir(), 'run-lock-'));
  path = join(root, 'lock');
});

const holder = (fields: object): string => JSON.stringify({ pid: 1, host: hostname(), started: '1', ...fields });

/** A process of this machine that has ended: it would have begun before the machine did. */
const DEAD = holder({ pid: process.pid, started: '-1' });

/** The locks that processes take of which each begins and ends within the one before, just before its call of that number. */
function takeWithin([call, ...others]: number[]): RunLock[] {
  const taken: RunLock[] = [];
  const outer = watch.others;
  let calls = 0;
  watch.others = () => {
    if (calls++ === call) taken.push(...takeWithin(others));
  };
  try {
    taken.push(acquireRunLock(root));
  } catch (error) {
    expect(error).toBeInstanceOf(RunError);
  } finally {
    watch.others = outer;
  }
  return taken;
}

/** Calls of the file system that taking over a dead holder's lock takes. */
function callsOfTakeover(): number {
  let calls = 0;
  watch.others = () => {
    calls += 1;
  };
  writeFileSync(path, DEAD);
  const lock = acquireRunLock(root);
  watch.others = NOTHING;
  lock.release();
  return calls;
}

function refuseHardLinks(call: string): void {
  if (call === 'linkSync') throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
}

describe('acquireRunLock', () => {
  it('names the process that holds the run, and leaves nothing behind', () => {
    const lock = acquireRunLock(root);
    expect(() => acquireRunLock(root)).toThrow(new RegExp(`process ${process.pid} on ${hostname()}`));
    lock.release();
    acquireRunLock(root).release();
    expect(readdirSync(root)).toEqual([]);
  });

  it('takes over from a holder that was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(path, holder({ pid: child.pid, started }));
    expect(() => acquireRunLock(root)).toThrow(/in use by process/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    acquireRunLock(root).release();
    expect(readdirSync(root)).toEqual([]);
  });

  it('takes over from one that was killed as it took over from another', () => {
    writeFileSync(path, DEAD);
    writeFileSync(`${path}.takeover`, DEAD);
    acquireRunLock(root).release();
    expect(readdirSync(root)).toEqual([]);
  });

  it('never shows a lock without its holder', () => {
    writeFileSync(path, DEAD);
    watch.others = () => {
      if (existsSync(path)) expect(statSync(path).size).toBeGreaterThan(0);
    };
    acquireRunLock(root).release();
  });

  it('says which file to delete where the lock names no process', () => {
    for (const text of ['', '{"pid":', 'null']) {
      writeFileSync(path, text);
      expect(() => acquireRunLock(root)).toThrow(`${path} does not say which process holds`);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('believes a holder on another host to be alive, and says which file to delete if it is not', () => {
    writeFileSync(path, holder({ pid: 7, host: 'elsewhere.invalid' }));
    expect(() => acquireRunLock(root)).toThrow(
      new RegExp(
        `process 7 on elsewhere\\.invalid, which cannot be seen from .*delete ${path} if that process is gone`,
      ),
    );
  });
});

describe.each([
  ['with hard links', NOTHING],
  ['without hard links', refuseHardLinks],
])('a run whose holder died, on a file system %s', (_, refusals) => {
  it('goes to exactly one of three processes, whenever they meet', () => {
    watch.refusals = refusals;
    const calls = callsOfTakeover();
    expect(calls).toBeGreaterThan(10);
    for (let second = 0; second < calls; second++) {
      for (let third = 0; third < calls; third++) {
        writeFileSync(path, DEAD);
        const taken = takeWithin([second, third]);
        expect(taken, `met at calls ${second} and ${third}`).toHaveLength(1);
        for (const lock of taken) lock.release();
        expect(readdirSync(root)).toEqual([]);
      }
    }
  });
});

describe('release', () => {
  it('leaves the lock that somebody else has taken since', () => {
    const lock = acquireRunLock(root);
    const other = holder({ host: 'elsewhere.invalid' });
    writeFileSync(path, other);
    lock.release();
    expect(readFileSync(path, 'utf8')).toBe(other);
  });

  it('leaves the lock that this process has taken since', () => {
    const lock = acquireRunLock(root);
    lock.release();
    const later = acquireRunLock(root);
    lock.release();
    expect(() => acquireRunLock(root)).toThrow(/in use/);
    later.release();
  });
});
