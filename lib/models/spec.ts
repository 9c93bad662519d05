/** Specs by name or path, and what the rest of the package makes of one. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, SpecError, UsageError } from '../errors.js';
import type { Graph, Normalization } from '../native/addon.js';
import { attributesOf, checkGraph, headAttribute, inferShapes, topologicalOrder } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import { validateSpec } from './validate-spec.js';

/** models/ lies two levels up from here, in the sources and in dist/ alike. */
const DIRECTORY = fileURLToPath(new URL('../../models/', import.meta.url));

/** A spec of more bytes than this is not one. */
const LARGEST_SPEC = 64 * 1024 * 1024;

/** Names of the networks that come with the package, sorted. */
export function listModels(): string[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

function readSpec(path: string, where: string): ModelSpec {
  let text: string;
  try {
    if (statSync(path).size > LARGEST_SPEC)
      throw new SpecError(`${where}: larger than ${LARGEST_SPEC} bytes; not a model spec`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof SpecError) throw error;
    throw new UsageError(`cannot read the model spec ${where}: ${messageOf(error)}`, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new SpecError(
      `${where}: not JSON (${messageOf(error).replaceAll(/\s+/g, ' ')}); a model spec is a JSON object`,
      undefined,
      {
        cause: error,
      },
    );
  }
  return validateSpec(json, where);
}

/**
 * A network by the name of a file in models/, or by the path of a user's own spec.
 *
 * @throws UsageError for a name nobody knows, listing the known ones, and for a path that cannot be read; SpecError for
 *   a spec that is wrong, naming the node.
 */
export function loadSpec(nameOrPath: string): ModelSpec {
  const known = listModels();
  if (known.includes(nameOrPath)) return readSpec(`${DIRECTORY}${nameOrPath}.json`, `models/${nameOrPath}.json`);
  if (/[\\/]|\.json$/.test(nameOrPath) || (nameOrPath !== '' && existsSync(nameOrPath)))
    return readSpec(nameOrPath, nameOrPath);
  throw new UsageError(`unknown model "${nameOrPath}"; known: ${known.join(', ')}, or give the path of a spec (.json)`);
}

/** Number of classes the network tells apart. */
export function classCount(spec: ModelSpec): number {
  return inferShapes(spec).get(spec.output)![0];
}

/**
 * The same network with another number of classes; only the head's output count differs.
 *
 * @param classes 1 or more. @throws SpecError where something behind the head depends on the count.
 */
export function withClasses(spec: ModelSpec, classes: number): ModelSpec {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new UsageError(`expected a whole number of at least 1 for classes but received ${classes}`);
  }
  const nodes = spec.nodes.map((node) => {
    const attribute = node.name === spec.head ? headAttribute(node) : undefined;
    return attribute === undefined ? node : { ...node, attributes: { ...node.attributes, [attribute]: classes } };
  });
  const changed: ModelSpec = { ...spec, nodes };
  checkGraph(changed, `${spec.name} with ${classes} classes`);
  return changed;
}

/** The addon's form of a spec: nodes in topological order, every attribute present. */
export function toGraph(spec: ModelSpec): Graph {
  return {
    input: { channels: spec.input.channels, height: spec.input.size, width: spec.input.size },
    nodes: topologicalOrder(spec).map((node) => ({
      name: node.name,
      op: node.op,
      inputs: [...node.inputs],
      attributes: attributesOf(node),
    })),
    output: spec.output,
    head: spec.head,
    classes: classCount(spec),
  };
}

/** How images become the network's input. */
export function toNormalization(spec: ModelSpec): Normalization {
  const { channelOrder, scale, mean, std } = spec.input;
  return { channelOrder, scale, mean: [...mean], std: [...std] };
}
