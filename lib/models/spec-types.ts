/** A network's architecture as models/*.json holds it. Operators carry ONNX names and semantics. */

/** Operators a spec may use. */
export type OperatorName =
  | 'Conv'
  | 'Gemm'
  | 'Relu'
  | 'Clip'
  | 'MaxPool'
  | 'AveragePool'
  | 'GlobalAveragePool'
  | 'LRN'
  | 'BatchNormalization'
  | 'Add'
  | 'Concat'
  | 'Flatten'
  | 'Dropout'
  | 'Softmax';

export interface ModelNode {
  name: string;
  op: OperatorName;
  /** Names of earlier or later nodes, or 'input'. */
  inputs: string[];
  /**
   * Conv {out_channels, kernel_shape:[h,w], strides:[h,w], pads:[top,left,bottom,right], dilations:[h,w], group, bias:0|1}
   * Gemm {out_features, bias:0|1}; Clip {min, max};
   * MaxPool, AveragePool {kernel_shape, strides, pads, ceil_mode:0|1, count_include_pad:0|1};
   * LRN {size, alpha, beta, bias}; BatchNormalization {epsilon, momentum} (ONNX: share of the old value kept);
   * Concat {axis:1}; Dropout {ratio}; Flatten {axis:1}. Relu, Add, GlobalAveragePool, Softmax: none.
   */
  attributes?: Record<string, number | number[]>;
}

export interface ModelInput {
  channels: number;
  /** Height and width the network sees. */
  size: number;
  /** Shorter side an image is resized to before cropping. */
  resize: number;
  channelOrder: 'RGB' | 'BGR' | 'GRAY';
  /** x = (value * scale - mean[c]) / std[c], value in 0..255, c counted in channelOrder. */
  scale: number;
  mean: number[];
  std: number[];
}

export interface ModelSpec {
  name: string;
  description?: string;
  input: ModelInput;
  nodes: ModelNode[];
  /** The node whose value is the logits. */
  output: string;
  /** The Conv or Gemm node replaced when the class count differs. */
  head: string;
}
