import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as Waiting from '../../../lib/native/waiting.js';

const NAMES = ['OMP_WAIT_POLICY', 'GOMP_SPINCOUNT'];

/** The module as a process has it that has loaded nothing yet. */
async function fresh(): Promise<typeof Waiting> {
  vi.resetModules();
  return import('../../../lib/native/waiting.js');
}

beforeEach(() => {
  for (const name of NAMES) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

test('threads wait for a moment, and other programs are not told to', async () => {
  const { waitShortly, givenEnvironment } = await fresh();
  waitShortly();
  expect(Number(process.env['GOMP_SPINCOUNT'])).toBeGreaterThan(0);
  expect(process.env['OMP_WAIT_POLICY']).toBe('passive');
  const given = givenEnvironment();
  expect(Object.keys(given)).not.toContain('GOMP_SPINCOUNT');
  expect(Object.keys(given)).not.toContain('OMP_WAIT_POLICY');
  expect(given['PATH']).toBe(process.env['PATH']);
});

test('an environment that says how to wait is left alone, for us and for others', async () => {
  vi.stubEnv('OMP_WAIT_POLICY', 'active');
  const { waitShortly, givenEnvironment } = await fresh();
  waitShortly();
  expect(process.env['GOMP_SPINCOUNT']).toBeUndefined();
  expect(givenEnvironment()['OMP_WAIT_POLICY']).toBe('active');
});
