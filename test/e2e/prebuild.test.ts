import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/native/package-root.js';

const run = promisify(execFile);
const node = (args: string[], cwd: string, env: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, args, { cwd, env: { ...process.env, ...env } });

describe('a packed tarball with its prebuild, in an empty project', () => {
  const directory = mkdtempSync(join(tmpdir(), 'finepune-prebuild-'));
  const project = join(directory, 'project');
  const installed = join(project, 'node_modules', 'finepune-native');
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
    rmSync(join(packageRoot, 'prebuilds'), { recursive: true, force: true });
  });

  beforeAll(async () => {
    // Up to date already, so nothing is compiled twice.
    await node(['bin/prebuild.js'], packageRoot);
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], { cwd: packageRoot });
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
    const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? '';
    await run('npm', ['install', '--prefer-offline', '--ignore-scripts', join(directory, tarball)], { cwd: project });
  });

  it('says the one command to run where install scripts are off', async () => {
    writeFileSync(
      join(project, 'load.mjs'),
      `import { loadAddon } from './node_modules/finepune-native/dist/native/load.js';
       try { loadAddon(); } catch (error) { console.log(error.code, error.message); }`,
    );
    const { stdout } = await node(['load.mjs'], project);
    expect(stdout).toMatch(/^E_NATIVE libtorch is not installed.*; run: npx finepune-native install\n$/);
  });

  it('installs by that command without compiling, and loads through node-gyp-build', async () => {
    await node([join(installed, 'bin/finepune-native.js'), 'install'], project, {
      LIBTORCH: realpathSync(join(packageRoot, 'libtorch')),
      // A compiler would be used at once if it were needed.
      CXX: '/nonexistent/compiler',
    });
    expect(existsSync(join(installed, 'build'))).toBe(false);
    const script = `import { addonStatus, loadAddon } from './node_modules/finepune-native/dist/native/load.js';
      console.log(JSON.stringify({ status: addonStatus(), info: loadAddon().info() }));`;
    writeFileSync(join(project, 'status.mjs'), script);
    const { stdout } = await node(['status.mjs'], project);
    const { status, info } = JSON.parse(stdout) as { status: { addon: string; loaded: boolean }; info: object };
    expect(status).toMatchObject({
      loaded: true,
      addon: join(realpathSync(installed), 'prebuilds/linux-x64/finepune-native.node'),
    });
    expect(info).toMatchObject({ libtorch: expect.stringMatching(/^2\.1[1-4]\./) as string });
  });

  it("does the same from npm's own install script", async () => {
    rmSync(join(installed, 'libtorch'), { force: true });
    await run('npm', ['rebuild', 'finepune-native'], {
      cwd: project,
      env: { ...process.env, LIBTORCH: realpathSync(join(packageRoot, 'libtorch')), CXX: '/nonexistent/compiler' },
    });
    expect(realpathSync(join(installed, 'libtorch'))).toBe(realpathSync(join(packageRoot, 'libtorch')));
    expect(existsSync(join(installed, 'build'))).toBe(false);
  });
});
