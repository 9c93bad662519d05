/** Why this machine cannot run the addon, in one clause; null where it can. Arguments are for tests. */
export function unsupportedPlatform(
  platform: string = process.platform,
  arch: string = process.arch,
  glibc: boolean = hasGlibc(),
): string | null {
  if (platform !== 'linux' || arch !== 'x64') return `finepune-native runs on Linux x64, and this is ${platform} ${arch}`;
  if (!glibc) return 'finepune-native needs glibc, and this Linux has another C library (Alpine has musl)';
  return null;
}

function hasGlibc(): boolean {
  if (process.platform !== 'linux') return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}
