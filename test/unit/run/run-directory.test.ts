import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileError, RunError } from '../../../lib/errors.js';
import { createRunDirectory, nextRunDirectory, openRunDirectory } from '../../../lib/run/run-directory.js';
import { acquireRunLock } from '../../../lib/run/run-lock.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'run-directory-'));
});

describe('createRunDirectory', () => {
  it('makes the folder, takes its lock and gives it back', () => {
    const { paths, lock } = createRunDirectory(join(root, 'new', 'run'));
    expect(existsSync(paths.checkpoints)).toBe(true);
    expect(existsSync(join(paths.directory, 'lock'))).toBe(true);
    lock.release();
    expect(existsSync(join(paths.directory, 'lock'))).toBe(false);
  });

  it('takes away what it made when the run does not come to begin', () => {
    const { abandon } = createRunDirectory(join(root, 'new', 'run'));
    abandon();
    expect(existsSync(join(root, 'new'))).toBe(false);
    expect(existsSync(root)).toBe(true);
  });

  it('leaves a folder that was there before', () => {
    createRunDirectory(root).abandon();
    expect(readdirSync(root)).toEqual([]);
  });

  it('fails below a folder that takes no folders', () => {
    expect(() => createRunDirectory('/proc/finepune/run')).toThrow(FileError);
  });

  it('refuses a file', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => createRunDirectory(join(root, 'file'))).toThrow(/is a file/);
  });

  it('refuses a path below a file with the path', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => createRunDirectory(join(root, 'file', 'run'))).toThrow(FileError);
  });

  it('refuses a folder with something else in it, and touches nothing', () => {
    writeFileSync(join(root, 'precious.txt'), 'x');
    expect(() => createRunDirectory(root)).toThrow(/not empty.*precious\.txt/);
    expect(existsSync(join(root, 'lock'))).toBe(false);
    expect(readFileSync(join(root, 'precious.txt'), 'utf8')).toBe('x');
  });

  it('sends an unfinished run to --resume', () => {
    writeFileSync(join(root, 'config.json'), '{}');
    expect(() => createRunDirectory(root)).toThrow(/--resume/);
  });

  it('says that a finished run is finished', () => {
    writeFileSync(join(root, 'config.json'), '{}');
    writeFileSync(join(root, 'result.json'), '{}');
    expect(() => createRunDirectory(root)).toThrow(/finished run/);
  });
});

describe('openRunDirectory', () => {
  it('refuses a folder without a run', () => {
    expect(() => openRunDirectory(root)).toThrow(RunError);
  });
});

describe('acquireRunLock', () => {
  it('names the process that holds the run', () => {
    const lock = acquireRunLock(root);
    expect(() => acquireRunLock(root)).toThrow(new RegExp(`process ${process.pid} on ${hostname()}`));
    lock.release();
    acquireRunLock(root).release();
  });

  it('takes over from a holder that was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(root, 'lock'), JSON.stringify({ pid: child.pid, host: hostname(), started }));
    expect(() => acquireRunLock(root)).toThrow(/in use by process/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    acquireRunLock(root).release();
  });

  it('takes over a lock that was cut off while being written', () => {
    writeFileSync(join(root, 'lock'), '{"pid":');
    acquireRunLock(root).release();
  });

  it('believes a holder on another host to be alive', () => {
    writeFileSync(join(root, 'lock'), JSON.stringify({ pid: 1, host: 'elsewhere.invalid', started: '1' }));
    expect(() => acquireRunLock(root)).toThrow(/elsewhere\.invalid/);
  });
});

describe('nextRunDirectory', () => {
  it('counts up to the first free name', () => {
    mkdirSync(join(root, 'demo-1'));
    mkdirSync(join(root, 'demo-2'));
    expect(nextRunDirectory(root, 'demo')).toBe(join(root, 'demo-3'));
  });
});
