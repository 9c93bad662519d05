import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../../lib/cli/flags/config-file.js';
import { UsageError } from '../../../lib/errors.js';
import { config } from '../report/made-up-run.js';

function fileOf(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'finepune-config-')), 'settings.json');
  writeFileSync(path, content);
  return path;
}

describe('readConfigFile', () => {
  it('takes back what a run saved as its config.json', async () => {
    expect(await readConfigFile(fileOf(JSON.stringify(config)))).toEqual(config);
  });

  it('takes a file that begins with a byte order mark', async () => {
    expect(await readConfigFile(fileOf('\uFEFF{"rounds": 3}'))).toEqual({ rounds: 3 });
  });

  it.each([
    ['{"rounds": "many"}', /expected a whole number from 1 to 1000 for rounds in --config .* but received "many"/],
    ['{"maxDrop": -0.5}', /expected a number 0 or more and below 1 for maxDrop in --config/],
    ['{"maxDrp": 0.5}', /unknown field "maxDrp" in --config .*; did you mean maxDrop\?/],
    ['{"__proto__": {}}', /unknown field "__proto__"/],
    ['{"rounds": 3', /is not JSON/],
    ['[1]', /must hold a JSON object/],
    ['null', /must hold a JSON object/],
  ])('refuses %s', async (content, message) => {
    const path = fileOf(content);
    await expect(readConfigFile(path)).rejects.toThrow(UsageError);
    await expect(readConfigFile(path)).rejects.toThrow(message);
  });

  it('names a file that is not there', async () => {
    await expect(readConfigFile('/nowhere/settings.json')).rejects.toThrow(
      /cannot read --config \/nowhere\/settings.json/,
    );
  });
});
