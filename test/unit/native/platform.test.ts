import { describe, expect, it } from 'vitest';
import { unsupportedPlatform } from '../../../lib/native/platform.js';

describe('unsupportedPlatform', () => {
  it('lets Linux x64 with glibc pass', () => {
    expect(unsupportedPlatform('linux', 'x64', true)).toBeNull();
  });
  it.each([
    ['darwin', 'arm64', true, /this is darwin arm64$/],
    ['win32', 'x64', true, /this is win32 x64$/],
    ['linux', 'arm64', true, /this is linux arm64$/],
    ['linux', 'x64', false, /glibc/],
  ])('names what is wrong with %s %s (glibc: %s)', (platform, arch, glibc, expected) => {
    expect(unsupportedPlatform(platform, arch, glibc)).toMatch(expected);
  });
});
