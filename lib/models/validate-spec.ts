/** From parsed JSON to a ModelSpec whose every field has been looked at. */
import { SpecError } from '../errors.js';
import { isOperator, OPERATORS, type AttributeRule } from './operators.js';
import { checkGraph } from './shapes.js';
import type { ModelInput, ModelNode, ModelSpec } from './spec-types.js';

type JsonObject = Record<string, unknown>;

/** Nodes beyond this count are a mistake or an attack, not a network. */
const MOST_NODES = 100_000;

/** What a wrong value is, for messages: "NaN", "a string", "-3". */
function describe(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : 'a long string';
  if (value === null || value === undefined) return value === null ? 'null' : 'nothing';
  return Array.isArray(value) ? `a list of ${value.length}` : `a value of type ${typeof value}`;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Checker {
  constructor(
    private readonly where: string,
    private readonly node?: string,
  ) {}

  fail(message: string): never {
    const place = this.node === undefined ? this.where : `${this.where}: node "${this.node}"`;
    throw new SpecError(`${place}: ${message}`, this.node);
  }

  object(value: unknown, what: string, known: readonly string[]): JsonObject {
    if (!isObject(value)) this.fail(`expected an object for ${what} but received ${describe(value)}`);
    for (const key of Object.keys(value)) {
      if (!known.includes(key))
        this.fail(`${what} has the unknown field "${key}"; known: ${known.join(', ') || 'none'}`);
    }
    return value;
  }

  text(value: unknown, what: string): string {
    // Names become parts of parameter names and of one-line messages.
    // eslint-disable-next-line no-control-regex
    if (typeof value !== 'string' || value === '' || value.length > 1000 || /[\u0000-\u001f\u007f]/.test(value)) {
      this.fail(`expected a non-empty string for ${what} but received ${describe(value)}`);
    }
    return value;
  }

  list(value: unknown, what: string): unknown[] {
    if (!Array.isArray(value)) this.fail(`expected a list for ${what} but received ${describe(value)}`);
    return value;
  }

  number(value: unknown, what: string, rule: Omit<AttributeRule, 'length' | 'default'>): number {
    const ends = `${rule.open === 'min' || rule.open === 'both' ? '(' : '['}${rule.min}, ${rule.max}${rule.open === 'max' || rule.open === 'both' ? ')' : ']'}`;
    const range =
      rule.max === Number.MAX_VALUE
        ? rule.min === 0
          ? `a finite number ${rule.open === 'min' ? 'above' : 'not below'} 0`
          : 'a finite number'
        : `a number in ${ends}`;
    const kind = rule.integer ? range.replace('number', 'whole number') : range;
    if (
      typeof value !== 'number' ||
      !Number.isFinite(value) ||
      (rule.integer && !Number.isInteger(value)) ||
      value < rule.min ||
      value > rule.max ||
      ((rule.open === 'min' || rule.open === 'both') && value === rule.min) ||
      ((rule.open === 'max' || rule.open === 'both') && value === rule.max)
    ) {
      this.fail(`expected ${kind} for ${what} but received ${describe(value)}`);
    }
    return value;
  }

  attribute(value: unknown, what: string, rule: AttributeRule): number | number[] {
    if (rule.length === undefined) return this.number(value, what, rule);
    const values = this.list(value, what);
    if (values.length !== rule.length)
      this.fail(`expected ${rule.length} numbers for ${what} but received ${values.length}`);
    return values.map((entry, i) => this.number(entry, `${what}[${i}]`, rule));
  }
}

function checkInput(value: unknown, check: Checker): ModelInput {
  const fields = ['channels', 'size', 'resize', 'channelOrder', 'scale', 'mean', 'std'];
  const input = check.object(value, 'input', fields);
  const extent = { integer: true, min: 1, max: 65_535 };
  const channels = check.number(input['channels'], 'input.channels', { integer: true, min: 1, max: 3 });
  const order = input['channelOrder'];
  if (order !== 'RGB' && order !== 'BGR' && order !== 'GRAY') {
    check.fail(`expected RGB, BGR or GRAY for input.channelOrder but received ${describe(order)}`);
  }
  if (channels !== (order === 'GRAY' ? 1 : 3)) {
    check.fail(
      `input.channelOrder ${order} needs ${order === 'GRAY' ? 1 : 3} channels but input.channels is ${channels}`,
    );
  }
  const size = check.number(input['size'], 'input.size', extent);
  const resize = check.number(input['resize'], 'input.resize', extent);
  if (resize < size)
    check.fail(`input.resize ${resize} is smaller than input.size ${size}; images could not be cropped`);
  const positive = { integer: false, min: 0, max: Number.MAX_VALUE, open: 'min' as const };
  const number = { integer: false, min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
  return {
    channels,
    size,
    resize,
    channelOrder: order,
    scale: check.number(input['scale'], 'input.scale', positive),
    mean: check.attribute(input['mean'], 'input.mean', { ...number, length: channels }) as number[],
    std: check.attribute(input['std'], 'input.std', { ...positive, length: channels }) as number[],
  };
}

function checkNode(value: unknown, index: number, where: string): ModelNode {
  const outer: Checker = new Checker(where);
  const node = outer.object(value, `nodes[${index}]`, ['name', 'op', 'inputs', 'attributes']);
  const name = outer.text(node['name'], `nodes[${index}].name`);
  const check: Checker = new Checker(where, name);
  if (name === 'input') check.fail('"input" names the image and cannot name a node; choose another name');
  const op = check.text(node['op'], 'op');
  if (!isOperator(op)) check.fail(`unknown operator "${op}"; known: ${Object.keys(OPERATORS).join(', ')}`);
  const operator = OPERATORS[op];
  const inputs = check.list(node['inputs'], 'inputs').map((input, i) => check.text(input, `inputs[${i}]`));
  const [fewest, most] = operator.inputs;
  if (inputs.length < fewest || inputs.length > most) {
    check.fail(`${op} takes ${fewest === most ? fewest : `${fewest} to ${most}`} input(s) but has ${inputs.length}`);
  }
  const given =
    node['attributes'] === undefined
      ? {}
      : check.object(node['attributes'], 'attributes', Object.keys(operator.attributes));
  const attributes: Record<string, number | number[]> = {};
  for (const [key, rule] of Object.entries(operator.attributes)) {
    if (Object.hasOwn(given, key)) attributes[key] = check.attribute(given[key], key, rule);
    else if (rule.default === undefined) check.fail(`${op} needs the attribute "${key}"`);
  }
  return { name, op, inputs, ...(Object.keys(attributes).length > 0 ? { attributes } : {}) };
}

/**
 * Checks everything about a spec: fields, operators, attributes, names, wiring (missing inputs, cycles, nodes that lead
 * nowhere) and shapes from the image to the logits.
 *
 * @param json parsed JSON. @param where what messages call it, a path or a name.
 * @returns a copy that holds known fields only, nodes in the order given.
 * @throws SpecError naming the node, where one is at fault.
 */
export function validateSpec(json: unknown, where: string): ModelSpec {
  const check: Checker = new Checker(where);
  const top = check.object(json, 'the spec', ['name', 'description', 'input', 'nodes', 'output', 'head']);
  const nodes = check.list(top['nodes'], 'nodes');
  if (nodes.length === 0 || nodes.length > MOST_NODES)
    check.fail(`expected 1 to ${MOST_NODES} nodes but received ${nodes.length}`);
  const spec: ModelSpec = {
    name: check.text(top['name'], 'name'),
    ...(top['description'] === undefined ? {} : { description: check.text(top['description'], 'description') }),
    input: checkInput(top['input'], check),
    nodes: nodes.map((node, index) => checkNode(node, index, where)),
    output: check.text(top['output'], 'output'),
    head: check.text(top['head'], 'head'),
  };
  checkGraph(spec, where);
  return spec;
}
