/** Which GPU the tests of this folder use, and why there may be none. */
import { loadAddon } from '../../lib/native/load.js';

const { cuda, cudaDevices } = loadAddon().info();

/** Null where a CUDA device is there. */
export const lacking = cuda
  ? cudaDevices.length > 0
    ? null
    : 'no CUDA device is visible'
  : 'this build of the addon has no CUDA';

/** For the names of suites that are skipped, so that the reason stands in the report. */
export const onGpu = lacking === null ? 'on a GPU' : `on a GPU (skipped: ${lacking})`;
