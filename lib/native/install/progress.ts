/** How far a step of the installation is; the same fields as the tuner's progress. */
export interface InstallProgress {
  task: string;
  done: number;
  total: number;
  unit: 'bytes' | 'files' | 'steps';
  /** Units a second; null before the first. */
  rate: number | null;
  secondsLeft: number | null;
}

/** What the modules of an installation tell their caller. */
export interface InstallContext {
  signal?: AbortSignal | undefined;
  /** One line about what happens. */
  note: (line: string) => void;
  onProgress: (progress: InstallProgress) => void;
}

/** Gives a function that reports `done` of `total`, with rate and time left measured from now on. */
export function startProgress(
  context: InstallContext,
  task: string,
  unit: InstallProgress['unit'],
  alreadyDone = 0,
): (done: number, total: number) => void {
  const startedAt = performance.now();
  return (done, total) => {
    const seconds = (performance.now() - startedAt) / 1000;
    const rate = seconds > 0 && done > alreadyDone ? (done - alreadyDone) / seconds : null;
    const secondsLeft = rate === null ? null : Math.max(0, total - done) / rate;
    context.onProgress({ task, done, total, unit, rate, secondsLeft });
  };
}
