/** Resident memory of one way to serve a network, each in a process of its own. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AbortedError, InternalError } from '../../errors.js';
import type { SubjectRequest } from './subjects.js';

export interface ResidentRequest {
  subject: SubjectRequest;
  /** Name of one of the subject's variants. */
  variant: string;
  contender: 'onnxruntime' | 'libtorch' | 'dense' | 'finepune';
  threads: number;
  /** Images of the largest batch. */
  batch: number;
}

/**
 * Bytes resident once the network is loaded and has computed a batch, above what the process took before.
 *
 * @throws InternalError the process failed; AbortedError when the signal fires, which also ends the process
 */
export function residentBytes(request: ResidentRequest, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./resident-child.js', import.meta.url)), [JSON.stringify(request)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      signal,
    });
    let bytes = Number.NaN;
    child.on('message', (value) => {
      bytes = Number(value);
    });
    const stopped = (): AbortedError => new AbortedError('stopped while measuring memory', { cause: signal?.reason });
    child.on('error', (error) => {
      reject(signal?.aborted === true ? stopped() : error);
    });
    child.on('exit', (code) => {
      if (code === 0 && Number.isFinite(bytes)) resolve(bytes);
      // Ctrl-C in a terminal ends it as well.
      else if (signal?.aborted === true) reject(stopped());
      else
        reject(new InternalError(`the process that measures ${request.contender}'s memory ended with ${String(code)}`));
    });
  });
}
