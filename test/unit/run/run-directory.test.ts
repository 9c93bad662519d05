import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileError, RunError } from '../../../lib/errors.js';
import { createRunDirectory, nextRunDirectory, openRunDirectory } from '../../../lib/run/run-directory.js';

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

  it('takes no part of a lock for something else: another process may be making its own', () => {
    writeFileSync(join(root, 'lock.4f6b'), '{}');
    createRunDirectory(root).lock.release();
  });

  it('takes a folder that a run left which was killed before it began', () => {
    mkdirSync(join(root, 'checkpoints'));
    createRunDirectory(root).lock.release();
    writeFileSync(join(root, 'checkpoints', 'state.safetensors'), '');
    expect(() => createRunDirectory(root)).toThrow(/not empty.*checkpoints/);
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

describe('nextRunDirectory', () => {
  it('counts up to the first free name', () => {
    mkdirSync(join(root, 'demo-1'));
    mkdirSync(join(root, 'demo-2'));
    expect(nextRunDirectory(root, 'demo')).toBe(join(root, 'demo-3'));
  });
});
