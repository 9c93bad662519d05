import { describe, expect, it } from 'vitest';
import { explainLoadFailure } from '../../../lib/native/load-failure.js';

const path = 'build/Release/finepune.node';

describe('explainLoadFailure', () => {
  it('gives the one command where install scripts were off', () => {
    expect(explainLoadFailure({ kind: 'no-addon', detail: '', libtorch: false })).toBe(
      'libtorch and the native addon are not installed (install scripts may be off); run: npx finepune-native install',
    );
  });

  it('says only the addon is missing where libtorch is there', () => {
    expect(explainLoadFailure({ kind: 'no-addon', detail: '', libtorch: true })).toMatch(/^the native addon is not/);
  });

  it.each([
    ['libc10.so: cannot open shared object file: No such file or directory', true, /libc10\.so is missing.*--force$/],
    ['libnuma.so.1: cannot open shared object file: No such file or directory', true, /needs libnuma\.so\.1/],
    ['/a.node: undefined symbol: _ZN2at4opsE', true, /another version of libtorch; run: .* --build$/],
    ["libstdc++.so.6: version `GLIBCXX_3.4.32' not found", true, /newer Linux than this one; run: .* --build$/],
    ['libtorch_cpu.so: cannot open shared object file', false, /^libtorch is not installed.*native install$/],
    ['invalid ELF header\nmore', true, /\(invalid ELF header\); run: .* --build$/],
  ])('%s -> the fix that fits', (detail, libtorch, expected) => {
    const message = explainLoadFailure({ kind: 'not-loadable', detail, path, libtorch });
    expect(message).toMatch(expected);
    expect(message).not.toContain('\n');
  });

  it('offers no command on a platform where none helps', () => {
    expect(explainLoadFailure({ kind: 'platform', detail: 'this is darwin arm64' })).toBe('this is darwin arm64');
  });
});
