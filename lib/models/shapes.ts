/** The graph of a spec: order, shapes, parameters. */
import type { ParameterDescription } from '../native/addon.js';
import { InternalError, SpecError } from '../errors.js';
import { numberOf, listOf, OPERATORS, shapeText, type Attributes } from './operators.js';
import type { ModelNode, ModelSpec } from './spec-types.js';

/** Elements one tensor may have. */
const MOST_ELEMENTS = 2 ** 31 - 1;

/** One parameter of a network: name as in checkpoints, shape as PyTorch stores it. */
export interface ParameterShape {
  name: string;
  node: string;
  kind: ParameterDescription['kind'];
  shape: number[];
}

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** A shape without its extents of 1; [] stands for a single number. */
export function shapeWithoutOnes(shape: readonly number[]): number[] {
  return shape.filter((extent) => extent !== 1);
}

/** A node's attributes with the operator's defaults for those left out. */
export function attributesOf(node: ModelNode): Attributes {
  const complete: Attributes = {};
  for (const [key, rule] of Object.entries(OPERATORS[node.op].attributes)) {
    const value = node.attributes?.[key] ?? rule.default;
    if (value === undefined)
      throw new SpecError(`node "${node.name}": ${node.op} needs the attribute "${key}"`, node.name);
    complete[key] = Array.isArray(value) ? [...value] : value;
  }
  return complete;
}

/**
 * The nodes in an order in which every node comes after its inputs; the given order is kept where it already is one.
 *
 * @throws SpecError for duplicated names, inputs that do not exist, and cycles, naming a node on the cycle.
 */
export function topologicalOrder(spec: ModelSpec, where = spec.name): ModelNode[] {
  const byName = new Map<string, ModelNode>();
  const fail = (node: string, message: string): never => {
    throw new SpecError(`${where}: node "${node}": ${message}`, node);
  };
  for (const node of spec.nodes) {
    if (byName.has(node.name)) fail(node.name, 'another node has the same name; names must differ');
    byName.set(node.name, node);
  }
  const order: ModelNode[] = [];
  const state = new Map<string, 'open' | 'done'>([['input', 'done']]);
  for (const start of spec.nodes) {
    // Depth-first with a stack of our own: a chain of a hundred thousand nodes must not exhaust the call stack.
    const stack: { node: ModelNode; next: number }[] = [];
    const open = (node: ModelNode): void => {
      state.set(node.name, 'open');
      stack.push({ node, next: 0 });
    };
    if (!state.has(start.name)) open(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const name = top.node.inputs.at(top.next++);
      if (name === undefined) {
        state.set(top.node.name, 'done');
        order.push(top.node);
        stack.pop();
      } else if (state.get(name) === 'open') {
        fail(top.node.name, `its input "${name}" depends on it in turn; a network cannot have a cycle`);
      } else if (!state.has(name)) {
        open(
          byName.get(name) ??
            fail(top.node.name, `its input "${name}" does not exist; name a node, or "input" for the image`),
        );
      }
    }
  }
  return order;
}

/**
 * Shape of every node's value without the batch, [channels, height, width] or [features]; 'input' included.
 *
 * @throws SpecError naming the node whose inputs do not fit.
 */
export function inferShapes(spec: ModelSpec, where = spec.name): Map<string, number[]> {
  const { channels, size } = spec.input;
  const shapes = new Map<string, number[]>([['input', [channels, size, size]]]);
  for (const node of topologicalOrder(spec, where)) {
    const fail = (message: string): never => {
      throw new SpecError(`${where}: node "${node.name}": ${node.op} ${message}`, node.name);
    };
    const inputs = node.inputs.map((name) => shapes.get(name) ?? fail(`has no input "${name}"`));
    const shape = OPERATORS[node.op].shape(inputs, attributesOf(node), fail);
    if (!(elementsOf(shape) <= MOST_ELEMENTS))
      fail(`gives ${shapeText(shape)}, more than ${MOST_ELEMENTS} numbers an image`);
    shapes.set(node.name, shape);
  }
  return shapes;
}

/**
 * Every parameter in the order networks list them: by node, then weight, bias, running_mean, running_var.
 * Conv weight [out, in / group, height, width]; Gemm weight [out, in]; BatchNormalization's scale, shift and running
 * statistics [channels].
 */
export function parameterShapes(spec: ModelSpec, where = spec.name): ParameterShape[] {
  const shapes = inferShapes(spec, where);
  const parameters: ParameterShape[] = [];
  for (const node of topologicalOrder(spec, where)) {
    const input = shapes.get(node.inputs[0]);
    if (input === undefined) throw new InternalError(`node "${node.name}" has no input shape`);
    const attributes = attributesOf(node);
    const add = (suffix: string, kind: ParameterShape['kind'], shape: number[]): void => {
      if (!(elementsOf(shape) <= MOST_ELEMENTS)) {
        throw new SpecError(
          `${where}: node "${node.name}": its ${suffix} would be ${shapeText(shape)}, too large`,
          node.name,
        );
      }
      parameters.push({ name: `${node.name}.${suffix}`, node: node.name, kind, shape });
    };
    if (node.op === 'Conv') {
      const out = numberOf(attributes, 'out_channels');
      add('weight', 'weight', [out, input[0] / numberOf(attributes, 'group'), ...listOf(attributes, 'kernel_shape')]);
      if (attributes['bias'] === 1) add('bias', 'bias', [out]);
    } else if (node.op === 'Gemm') {
      const out = numberOf(attributes, 'out_features');
      add('weight', 'weight', [out, input[0]]);
      if (attributes['bias'] === 1) add('bias', 'bias', [out]);
    } else if (node.op === 'BatchNormalization') {
      const shape = [input[0]];
      add('weight', 'scale', shape);
      add('bias', 'shift', [...shape]);
      add('running_mean', 'running_mean', [...shape]);
      add('running_var', 'running_var', [...shape]);
    }
  }
  return parameters;
}

/** The output count of a head node: out_channels of a Conv, out_features of a Gemm. */
export function headAttribute(node: ModelNode): 'out_channels' | 'out_features' | undefined {
  if (node.op === 'Conv') return 'out_channels';
  return node.op === 'Gemm' ? 'out_features' : undefined;
}

/**
 * Wiring, shapes, output and head of a spec whose fields are known to be well formed.
 *
 * @throws SpecError naming the node at fault.
 */
export function checkGraph(spec: ModelSpec, where: string): void {
  const shapes = inferShapes(spec, where);
  const byName = new Map(spec.nodes.map((node) => [node.name, node]));
  const fail = (node: string, message: string): never => {
    throw new SpecError(`${where}: node "${node}": ${message}`, node);
  };
  const output = byName.get(spec.output) ?? fail(spec.output, 'named as output, does not exist');
  const head = byName.get(spec.head) ?? fail(spec.head, 'named as head, does not exist');
  if (output.op === 'Softmax')
    fail(output.name, 'the output must be the logits; name the node before Softmax and drop Softmax');
  const logits = shapes.get(output.name)!;
  if (logits.length !== 1)
    fail(output.name, `the output must be flat but is ${shapeText(logits)}; put a Flatten behind it`);
  const attribute = headAttribute(head) ?? fail(head.name, `the head must be a Conv or a Gemm but is a ${head.op}`);
  if (numberOf(attributesOf(head), attribute) !== logits[0]) {
    fail(
      head.name,
      `the head has ${String(head.attributes?.[attribute])} outputs but the network ${String(logits[0])} classes`,
    );
  }
  const used = new Set<string>([output.name]);
  const waiting = [output];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const name of node.inputs) {
      const input = byName.get(name);
      if (input !== undefined && !used.has(name)) {
        used.add(name);
        waiting.push(input);
      }
    }
  }
  for (const node of spec.nodes) {
    if (!used.has(node.name)) fail(node.name, `nothing on the way to the output "${spec.output}" uses it; remove it`);
  }
  parameterShapes(spec, where);
}
