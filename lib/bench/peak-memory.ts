/** Peak resident memory of this process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The peak counts from here on, garbage excluded; where the kernel has no such file, from the process's start. */
export function restartPeakMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Then the peak includes what came before.
  }
}

/** Bytes. */
export function peakMemory(): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // Not Linux as we know it.
  }
  return process.resourceUsage().maxRSS * 1024;
}
