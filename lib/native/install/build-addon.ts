import { createRequire } from 'node:module';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { InstallError } from '../../errors.js';
import { requireBuildTools } from './build-tools.js';
import { startProgress, type InstallContext } from './progress.js';
import { runCommand } from './run-command.js';

const require = createRequire(import.meta.url);

// A unit that includes ATen takes this much memory to compile.
const BYTES_PER_COMPILER = 1.5e9;
const TAIL_LINES = 20;

/**
 * Compiles the addon against ROOT/libtorch with cmake-js into ROOT/build/Release; does nothing where it is up to date.
 * The compiler's output goes to ROOT/build/install.log.
 *
 * @throws InstallError where a tool is missing, or with the end of the log where compiling fails.
 */
export async function buildAddon(root: string, context: InstallContext): Promise<void> {
  await requireBuildTools(context.signal);
  const log = join(root, 'build', 'install.log');
  await mkdir(dirname(log), { recursive: true });
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_PER_COMPILER)));
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(jobs), ...process.env };
  const lines: string[] = [];
  const report = startProgress(context, 'compiling the addon', 'steps');
  const onLine = (line: string) => {
    lines.push(line);
    // Ninja: "[3/40] ...". Make: "[ 12%] ...".
    const step = /^\[ *(\d+)(?:\/(\d+)|%)\]/.exec(line) as [string, string, string | undefined] | null;
    if (step !== null) report(Number(step[1]), Number(step[2] ?? 100));
  };
  for (const args of [['configure'], ['build', '--target', 'finepune']]) {
    const output = await runCmakeJs(root, args, env, onLine, context.signal);
    await writeFile(log, `${lines.join('\n')}\n`);
    if (output !== 0) {
      for (const line of lines.slice(-TAIL_LINES)) context.note(`  ${line}`);
      throw new InstallError(`the addon does not compile; the whole output is in ${log}`);
    }
  }
}

async function runCmakeJs(
  root: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const script = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const run = () =>
    runCommand(process.execPath, [script, ...args, '--directory', root, '--log-level', 'error'], {
      cwd: root,
      env,
      onLine,
      signal,
    });
  const output = await run();
  if (output.status !== 0 && output.lines.some((line) => /CMakeCache\.txt/.test(line) && /different/.test(line))) {
    // The folder was moved or copied after an earlier build: its cache holds the old absolute paths.
    await rm(join(root, 'build', 'CMakeCache.txt'), { force: true });
    await rm(join(root, 'build', 'CMakeFiles'), { recursive: true, force: true });
    return (await run()).status;
  }
  return output.status;
}
