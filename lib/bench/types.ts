/** What every benchmark gives: rows to read, ratios to compare, and the machine it ran on. */

/** One thing measured over several seeds or repetitions. */
export interface BenchRow {
  name: string;
  /** What `values` are: "regret", "compression", "seconds", "share". */
  unit: string;
  median: number;
  /** The least favourable of `values`. */
  worst: number;
  /** Median wall time of one value; null where it was not taken. */
  medianSeconds: number | null;
  /** One a seed or repetition, in order. */
  values: number[];
  /** In one line, why there are no values; absent where there are. */
  missing?: string;
}

/** The machine and the software of a benchmark. */
export interface MachineDescription {
  cpu: string;
  /** Name of the GPU both sides computed on; null where that was the CPU. */
  gpu: string | null;
  threads: number;
  memoryBytes: number;
  node: string;
  /** Version; null where the addon does not load. */
  libtorch: string | null;
  /** Versions of what was run beside this package; null where nothing was. */
  baseline: Record<string, string> | null;
}

/** A benchmark's result, as `bench X --json` prints it. */
export interface BenchReport {
  rows: BenchRow[];
  /** Ratios of two rows of the same run, by name. */
  ratios: Record<string, number>;
  machine: MachineDescription;
}

/** Told each row as soon as it is measured. */
export type RowListener = (row: BenchRow) => void;
