import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileError, RunError } from '../../../lib/errors.js';
import { JsonLinesFile } from '../../../lib/run/json-lines.js';

describe('JsonLinesFile', () => {
  let path = '';
  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'json-lines-')), 'journal.jsonl');
  });

  it('reads back what was appended, from any offset it reported', () => {
    const file = new JsonLinesFile(path);
    file.append({ a: 1 });
    const offset = file.length;
    file.append({ b: 'ü' });
    file.close();
    expect(JsonLinesFile.read(path)).toEqual([{ a: 1 }, { b: 'ü' }]);
    expect(JsonLinesFile.read(path, offset)).toEqual([{ b: 'ü' }]);
  });

  it('forgives a torn last line, and the next append replaces it', () => {
    writeFileSync(path, '{"a":1}\n{"b":');
    expect(JsonLinesFile.read(path)).toEqual([{ a: 1 }]);
    const file = new JsonLinesFile(path);
    file.append({ c: 3 });
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"c":3}\n');
  });

  it('cuts the file to the length a checkpoint remembers', () => {
    const first = new JsonLinesFile(path);
    first.append({ a: 1 });
    const { length } = first;
    first.append({ b: 2 });
    first.close();
    new JsonLinesFile(path, length).close();
    expect(JsonLinesFile.read(path)).toEqual([{ a: 1 }]);
  });

  it('names the damaged line', () => {
    writeFileSync(path, '{"a":1}\nnonsense\n{"c":3}\n');
    expect(() => JsonLinesFile.read(path)).toThrow(RunError);
    expect(() => JsonLinesFile.read(path)).toThrow(/line 2/);
  });

  it('names the damaged line by its place in the file when it reads from the middle', () => {
    writeFileSync(path, '{"a":1}\n{"b":2}\nnonsense\n');
    expect(() => JsonLinesFile.read(path, '{"a":1}\n'.length)).toThrow(/line 3/);
  });

  it('has nothing where there is no file', () => {
    expect(JsonLinesFile.read(`${path}.missing`)).toEqual([]);
  });

  it('refuses a folder that is not there with the path', () => {
    expect(() => new JsonLinesFile(join(path, 'under', 'a-file'))).toThrow(FileError);
  });

  it('does not take a line without newline for whole even when it parses', () => {
    writeFileSync(path, '{"a":1}\n');
    appendFileSync(path, '{"b":2}');
    expect(JsonLinesFile.read(path)).toEqual([{ a: 1 }]);
  });
});
