/** What every reader of weight files gives. */

export type WeightFormat = 'safetensors' | 'pytorch' | 'caffemodel' | 'finepune';

export interface WeightTensor {
  shape: number[];
  /** Row-major values; what a mask hides is 0 here. */
  data: Float32Array;
  /** 1 where kept, for files that carry masks (Dynamic Network Surgery's caffemodels). */
  mask?: Uint8Array;
  /** Bytes the tensor takes in the file. */
  bytes: number;
}

export interface WeightFile {
  path: string;
  format: WeightFormat;
  /** By parameter name, in the file's order; integer tensors are left out. */
  tensors: Map<string, WeightTensor>;
  metadata: Partial<Record<string, string>>;
}
