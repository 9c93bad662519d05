/**
 * The raw exports of the .node file, written by hand; test/native compares this list with the addon's own.
 *
 * Its types may be imported anywhere. It is called through the typed faces beside this file (session.ts,
 * served-network.ts, sparse-codec.ts), which give errors their classes; others only ask it what it is, with `info` and
 * `chosenProducts`. Everything here is checked in C++ too: a wrong handle, type, shape or name rejects (or throws) with
 * an Error whose `code` is one of errors.ts's codes.
 */

/** Opaque, type-tagged. */
export interface SessionHandle {
  readonly __session: unique symbol;
}

/** Opaque, type-tagged. */
export interface ServedNetworkHandle {
  readonly __servedNetwork: unique symbol;
}

/** One operator of a network. `attributes` hold numbers, lists of numbers, or booleans as 0/1. */
export interface GraphNode {
  name: string;
  /** ONNX operator name. */
  op: string;
  /** Names of nodes, or 'input'. */
  inputs: string[];
  attributes: Record<string, number | number[]>;
}

/** A validated network in topological order, with the shape of every parameter already fixed. */
export interface Graph {
  input: { channels: number; height: number; width: number };
  nodes: GraphNode[];
  /** Name of the node whose value is the logits, shape [batch, classes]. */
  output: string;
  /** Node whose parameters are the classifier head. */
  head: string;
  classes: number;
}

/** How a uint8 image becomes a float tensor: x = (value * scale - mean[c]) / std[c], channels in `channelOrder`. */
export interface Normalization {
  channelOrder: 'RGB' | 'BGR' | 'GRAY';
  scale: number;
  mean: number[];
  std: number[];
}

/**
 * Arithmetic of forward and backward; weights and the step stay float32. 'tf32': products of float32 values rounded to 10 bits
 * of mantissa, on CUDA devices alone. 'bf16': autocast; on a CPU without instructions for it as fp32.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16';

export interface SessionOptions {
  graph: Graph;
  normalization: Normalization;
  /** 'cpu' or 'cuda:N'. */
  device: string;
  /** Intra-op threads, 1 or more. */
  threads: number;
  precision: Precision;
  /** Non-negative integer below 2^53; everything random in the session is a function of it and of step numbers. */
  seed: number;
}

export interface ParameterDescription {
  /** As in checkpoints, e.g. "features.0.weight". */
  name: string;
  /** Node it belongs to. */
  node: string;
  kind: 'weight' | 'bias' | 'scale' | 'shift' | 'running_mean' | 'running_var';
  shape: number[];
  /** True for the weights of Conv and Gemm nodes only. */
  prunable: boolean;
}

/**
 * What of a parameter is read or written. 'parameter': what forward uses (W o T). 'shadow': the dense W behind a
 * prunable weight. 'momentum': SGD's buffer. 'mask': T as 0/1 bytes. Shadow and mask exist for prunable weights, momentum
 * for everything trained (not the running statistics).
 */
export type TensorRole = 'parameter' | 'shadow' | 'momentum' | 'mask';

export type TensorMap = Record<string, Float32Array | Uint8Array>;

/** A memory-mapped file of uint8 images, records x height x width x channels (HWC), no header before `offset`. */
export interface ImageFile {
  path: string;
  offset: number;
  records: number;
  height: number;
  width: number;
  channels: number;
}

/** Images by record number with their labels; `records` and `labels` have one length. */
export interface SampleList {
  /** From attachImages. */
  images: number;
  records: Uint32Array;
  labels: Int32Array;
}

/** Augmentation of training images; evaluation always takes the centre crop. */
export interface Augmentation {
  kind: 'none' | 'crop' | 'resized-crop';
  /** resized-crop: range of the crop's area as a share of the image, and of its aspect ratio. */
  areaRange: [number, number];
  aspectRange: [number, number];
  horizontalFlip: boolean;
  verticalFlip: boolean;
}

/** Mask refresh during training: METHOD.md section 2. */
export interface SurgerySchedule {
  /** Refresh probability of a layer at step i (counted from firstStep): (1 + gamma * i)^(-power). */
  gamma: number;
  power: number;
  firstStep: number;
  /** No refresh at this step or later. */
  stopStep: number;
}

export interface TrainSlice {
  samples: SampleList;
  /** Global step number of the slice's first step: fixes order of images, augmentation, dropout and refresh draws. */
  firstStep: number;
  /** Learning rate of each step of the slice; its length is the number of steps. */
  learningRates: Float64Array;
  batchSize: number;
  /** Per-node multiplier of the learning rate; 1 where absent, 0 freezes the node. */
  learningRateFactors: Record<string, number>;
  momentum: number;
  weightDecay: number;
  labelSmoothing: number;
  /** Whether Dropout nodes drop. */
  dropout: boolean;
  /** Gradient norm above which gradients are scaled down; 0 for never. */
  clipNorm: number;
  augmentation: Augmentation;
  /** Null: masks stay as they are. */
  surgery: SurgerySchedule | null;
}

export interface TrainResult {
  steps: number;
  images: number;
  /** Mean over the slice's images of the loss, and of being right, in train mode. */
  loss: number;
  accuracy: number;
  seconds: number;
  /** Seconds the step waited for the next batch. */
  secondsWaiting: number;
  /** Mask refreshes done, over all layers. */
  refreshes: number;
}

export interface EvaluateRequest {
  samples: SampleList;
  batchSize: number;
}

export interface EvaluateResult {
  images: number;
  top1: number;
  top5: number;
  /** Mean cross-entropy. */
  loss: number;
  /** Class predicted for each sample, in order. */
  predicted: Int32Array;
  seconds: number;
}

export interface LayerCount {
  name: string;
  count: number;
  kept: number;
}

/**
 * Counts of |W| by the upper 16 bits of its float32 pattern (bin b holds [float(b << 16), float((b+1) << 16)) ):
 * `kept` over weights whose mask is 1, `pruned` over the others. 32,640 bins hold every finite value; length 32768.
 */
export interface MagnitudeHistogram {
  kept: Uint32Array;
  pruned: Uint32Array;
}

/** A network for inference; its tensors are read while it is made, and not kept. */
export interface ServedNetworkOptions {
  graph: Graph;
  /** 'cpu', for kernels of our own, or 'cuda:N', for libtorch's and those that skip zeros. */
  device: string;
  /** By parameter name, row-major; every parameter of the graph. */
  tensors: Record<string, Float32Array>;
  /** On the CPU; 1 or more. */
  threads: number;
  /** Most images expected in one call: memory is for so many, and more are computed in parts. On the CPU 8 or more lets many be computed together. */
  largestBatch: number;
  /**
   * 'measured' times each layer in all forms and keeps the fastest; 'measured-dense' leaves out those that skip zeros. The others
   * are for tests; a GPU has 'dense' and 'sparse'.
   */
  forms: 'measured' | 'measured-dense' | LayerForm;
  /** Instruction set of the kernels on the CPU; 'best' of those it has. */
  kernels: 'best' | 'portable' | 'avx2' | 'avx512';
}

export interface ServedNetworkRequest {
  /**
   * uint8 [batch, height, width, channels] of any size not below the network's input (centre-cropped), or float32
   * [batch, channels, height, width] already normalised.
   */
  pixels: Uint8Array | Float32Array;
  shape: [number, number, number, number];
  /** Of uint8 pixels. */
  normalization: Normalization;
}

/**
 * 'winograd': dense, by minimal filtering F(4, 3) or F(4, 5) down the columns (convolutions of three or five rows of taps in steps of
 * one);
 * 'sparse': non-zeros row by row; 'merged': of four output channels together (convolutions; sparse where that cannot be);
 * 'columns': input by input, without those that are zero (linear layers, single images).
 */
export type LayerForm = 'dense' | 'winograd' | 'sparse' | 'merged' | 'columns';

export interface ServedNetworkDescription {
  layers: {
    name: string;
    /** Share of the weights that are not zero, normalisation folded in. */
    density: number;
    /**
     * Form of the weights used for single images, and for many at once (on a GPU: the largest batches). A GPU's choice may differ
     * again for sizes between.
     */
    single: LayerForm;
    batched: LayerForm;
    /** Memory of the forms kept. */
    bytes: number;
  }[];
  /** Memory of all weights and of the values computed, on a GPU those of the largest batch. */
  bytes: number;
}

export interface AddonInfo {
  libtorch: string;
  compiler: string;
  cuda: boolean;
  cudaDevices: string[];
  cpuCapability: string;
  /** Instruction set of this package's own kernels on the CPU. */
  kernels: 'portable' | 'avx2' | 'avx512';
  /** Whether the CPU has instructions for bfloat16; without them 'bf16' is 'fp32' there. */
  bfloat16: boolean;
  mkldnn: boolean;
  mkl: boolean;
}

/** How values are coded: exactly, without the signs of zeros, or rounded. */
export type ValueCoding = 'exact' | 'float32' | 'fp16' | 'cb2' | 'cb3' | 'cb4' | 'cb5' | 'cb6' | 'cb7' | 'cb8';

/** How training on the CPU computes a layer at a density: whose products, and whose gradient by the weights. */
export interface ChosenProducts {
  layer: string;
  /** Share of the weights kept, in (0, 1]. */
  density: number;
  products: string;
  weightGradient: string;
}

export interface Addon {
  info(): AddonInfo;
  /** For layers as most networks have them, 32 images in float32, each dense and at two lower densities. */
  chosenProducts(): ChosenProducts[];

  createSession(options: SessionOptions): Promise<SessionHandle>;
  /** Waits for a running slice; idempotent. */
  disposeSession(session: SessionHandle): Promise<void>;
  /** Asks a running slice to end after the current step or batch; its promise resolves with what was done. */
  stopSession(session: SessionHandle): void;
  describeParameters(session: SessionHandle): ParameterDescription[];

  /**
   * Fresh values for the named parameters: weights normal with variance 2 / fan_in (the head's 0.01), biases and shifts
   * and means 0, scales and variances 1; masks all 1, momentum 0.
   */
  initializeParameters(session: SessionHandle, request: { names: string[]; seed: number }): Promise<void>;
  /** Setting role 'parameter' of a prunable weight sets its shadow too, and leaves the parameter W o T. */
  setTensors(session: SessionHandle, request: { role: TensorRole; tensors: TensorMap }): Promise<void>;
  getTensors(session: SessionHandle, request: { role: TensorRole; names: string[] }): Promise<TensorMap>;

  /** Maps the file; returns the number by which SampleList names it. */
  attachImages(session: SessionHandle, file: ImageFile): Promise<number>;
  train(session: SessionHandle, slice: TrainSlice): Promise<TrainResult>;
  evaluate(session: SessionHandle, request: EvaluateRequest): Promise<EvaluateResult>;
  /**
   * Logits of preprocessed images: `pixels` as uint8 [batch, height, width, channels] of any size not below the
   * network's input (centre-cropped), or float32 [batch, channels, height, width] already normalised.
   */
  forward(
    session: SessionHandle,
    request: { pixels: Uint8Array | Float32Array; shape: [number, number, number, number] },
  ): Promise<{ logits: Float32Array; shape: [number, number] }>;
  /** Gradients of the mean cross-entropy, for tests: train-mode forward without dropout or augmentation, no update. */
  gradients(
    session: SessionHandle,
    request: { input: Float32Array; shape: [number, number, number, number]; labels: Int32Array },
  ): Promise<{ loss: number; logits: Float32Array; gradients: Record<string, Float32Array> }>;
  /**
   * Scales the named fresh weights, the head's left out, so that their nodes' outputs have variance 1 on the first batch of
   * the samples (Mishkin, Matas, ICLR 2016).
   */
  calibrateParameters(session: SessionHandle, request: { names: string[]; samples: SampleList; batchSize: number }): Promise<void>;
  /** Re-estimates every BatchNorm's running statistics as the plain mean over the given number of batches. */
  refreshBatchNorm(session: SessionHandle, request: { samples: SampleList; batchSize: number; batches: number; step: number }): Promise<void>;

  magnitudeHistograms(session: SessionHandle): Promise<Record<string, MagnitudeHistogram>>;
  /**
   * Commits thresholds t (layer name -> t >= 0): stored as a = lower*t, b = upper*t, masks refreshed once with
   * hysteresis, parameters rewritten. Layers not named keep what they have. Returns the counts.
   */
  setThresholds(
    session: SessionHandle,
    request: { thresholds: Record<string, number>; lower: number; upper: number },
  ): Promise<LayerCount[]>;
  /**
   * Writes W o h(W; t) into the parameters and nothing else, for scoring a candidate; `null` puts W o T and the BatchNorm
   * statistics of before the first candidate back. Returns the counts of the masks now in use.
   */
  setCandidate(
    session: SessionHandle,
    request: { thresholds: Record<string, number>; lower: number; upper: number } | null,
  ): Promise<LayerCount[]>;
  /** Counts under the masks in use. */
  countKept(session: SessionHandle): LayerCount[];

  createServedNetwork(options: ServedNetworkOptions): Promise<ServedNetworkHandle>;
  runServedNetwork(
    network: ServedNetworkHandle,
    request: ServedNetworkRequest,
  ): Promise<{ logits: Float32Array; shape: [number, number] }>;
  /** E_BUSY while a call runs. */
  describeServedNetwork(network: ServedNetworkHandle): ServedNetworkDescription;
  /** Waits for a running call; idempotent. */
  disposeServedNetwork(network: ServedNetworkHandle): Promise<void>;

  /**
   * A tensor as coded bytes (native/sparse/codec.h), on another thread. `dense` must not change meanwhile.
   *
   * `values`: 'exact' keeps every bit; 'float32' all but the signs of zeros; 'fp16' rounds to IEEE 754 binary16; 'cb2' to
   * 'cb8' to a codebook of as many bits. `rowLength`: entries a row, whose columns may be sorted by density; 0 for none.
   * Rejects with E_WEIGHTS for values that cannot be rounded so.
   */
  encodeSparse(request: {
    dense: Float32Array;
    values: ValueCoding;
    rowLength: number;
    threads: number;
  }): Promise<Uint8Array>;
  /**
   * The inverse, into `dense`, which has as many entries as the tensor; neither array may change meanwhile. Rejects with
   * E_MODEL_FILE on bytes that the encoder would not write.
   */
  decodeSparse(request: { bytes: Uint8Array; dense: Float32Array; threads: number }): Promise<void>;
}
