/** From the reason the addon does not load to the one line a user reads. */

/** The command that installs libtorch and the addon; prebuild, link and build alike. */
const repairCommand = 'npx finepune-native install';

/** Why loading failed. `libtorch` says whether ./libtorch is there. */
export type LoadFailure =
  | { kind: 'platform'; detail: string }
  | { kind: 'no-addon'; detail: string; libtorch: boolean }
  | { kind: 'not-loadable'; detail: string; path: string; libtorch: boolean };

/** One line: what failed, where, and the one command or change that mends it. */
export function explainLoadFailure(failure: LoadFailure): string {
  switch (failure.kind) {
    case 'platform':
      return failure.detail;
    case 'no-addon': {
      const what = failure.libtorch ? 'the native addon is' : 'libtorch and the native addon are';
      return `${what} not installed (install scripts may be off); run: ${repairCommand}`;
    }
    case 'not-loadable':
      return explainDlopen(failure.detail.split('\n')[0] ?? '', failure.path, failure.libtorch);
  }
}

function explainDlopen(detail: string, path: string, libtorch: boolean): string {
  if (!libtorch) return `libtorch is not installed, which ${path} needs; run: ${repairCommand}`;
  const missing = /(lib[\w+.-]+\.so[\d.]*): cannot open shared object file/.exec(detail)?.[1];
  if (missing !== undefined) {
    return /^lib(torch|c10)/.test(missing)
      ? `libtorch is not complete (${missing} is missing); run: ${repairCommand} --force`
      : `${path} needs ${missing}, which this system lacks; install the package that has it`;
  }
  if (/undefined symbol/.test(detail)) {
    return `${path} was built for another version of libtorch; run: ${repairCommand} --build`;
  }
  if (/version `(GLIBC|GLIBCXX|CXXABI)/.test(detail)) {
    return `${path} was built on a newer Linux than this one; run: ${repairCommand} --build`;
  }
  return `${path} cannot be loaded (${detail}); run: ${repairCommand} --build`;
}
