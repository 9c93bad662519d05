/** The few Python globals a PyTorch state dict needs, as plain descriptions of tensors and storages. */
import type { FloatType } from './element-types.js';
import type { PickleGlobal, PickleRules } from './pickle.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';

/** Where a storage's elements lie is the container's matter; this says which and of what type. */
export class StorageReference {
  constructor(
    readonly key: string,
    /** Null for integers and booleans. */
    readonly type: FloatType | null,
    readonly width: number,
    readonly elements: number,
    /** First element inside the storage `key`, for the views of the legacy format. */
    readonly start: number,
  ) {}
}

/** A tensor of a pickle: a strided view of a storage, whose values are not read yet. */
export class TensorReference {
  constructor(
    readonly storage: StorageReference,
    /** In elements from the storage's start. */
    readonly offset: number,
    readonly shape: number[],
    /** In elements, one an extent of `shape`. */
    readonly strides: number[],
  ) {}
}

const STORAGES: Record<string, { type: FloatType | null; width: number }> = {
  FloatStorage: { type: 'F32', width: 4 },
  DoubleStorage: { type: 'F64', width: 8 },
  HalfStorage: { type: 'F16', width: 2 },
  BFloat16Storage: { type: 'BF16', width: 2 },
  LongStorage: { type: null, width: 8 },
  IntStorage: { type: null, width: 4 },
  ShortStorage: { type: null, width: 2 },
  CharStorage: { type: null, width: 1 },
  ByteStorage: { type: null, width: 1 },
  BoolStorage: { type: null, width: 1 },
  UntypedStorage: { type: null, width: 1 },
};

const DTYPES = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'];

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 32 && value.every(isCount);
}

function rebuildTensor(args: unknown[], fail: (message: string) => never): TensorReference {
  const [storage, offset, shape, strides] = args;
  if (
    !(storage instanceof StorageReference) ||
    !isCount(offset) ||
    !isCounts(shape) ||
    !isCounts(strides) ||
    shape.length !== strides.length
  ) {
    return fail('its pickle describes a tensor in a way that makes no sense');
  }
  const elements = elementsOf(shape);
  const last = elements === 0 ? offset : shape.reduce((sum, extent, i) => sum + (extent - 1) * strides[i], offset) + 1;
  // More elements than the storage has would be an expanded tensor: nothing a network's parameters are.
  if (!(last <= storage.elements && elements <= storage.elements)) {
    fail(`a tensor of shape [${shape.join(', ')}] reaches beyond its storage of ${storage.elements} elements`);
  }
  return new TensorReference(storage, offset, [...shape], [...strides]);
}

/** Pairs that OrderedDicts may be made of; a list named again and again must not fill the memory. */
const MOST_PAIRS = 1_000_000;

function orderedDict(
  args: unknown[],
  budget: { pairs: number },
  fail: (message: string) => never,
): Map<unknown, unknown> {
  const items = args[0] ?? [];
  if (Array.isArray(items) && (budget.pairs -= items.length) < 0) fail('its pickle makes dicts without end');
  if (!Array.isArray(items) || !items.every((item) => Array.isArray(item) && item.length === 2)) {
    return fail('its pickle makes an OrderedDict of what is no list of pairs');
  }
  return new Map(items as [unknown, unknown][]);
}

function persistent(id: unknown, fail: (message: string) => never): StorageReference {
  const [kind, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : [];
  const name = (type as PickleGlobal | undefined)?.name;
  const element = typeof name === 'string' && Object.hasOwn(STORAGES, name) ? STORAGES[name] : undefined;
  if (kind !== 'storage' || element === undefined || typeof key !== 'string' || !isCount(elements)) {
    return fail('its pickle refers to a storage in a way that makes no sense');
  }
  if (view === null || view === undefined) return new StorageReference(key, element.type, element.width, elements, 0);
  const [, start, size] = Array.isArray(view) ? (view as unknown[]) : [];
  if (!isCount(start) || !isCount(size)) return fail('its pickle views a storage in a way that makes no sense');
  return new StorageReference(key, element.type, element.width, size, start);
}

/**
 * The rules by which a state dict's pickle is read. Every other global is refused by name: it would be code to run.
 *
 * @param fail ends the reading; receives what is wrong, without the path.
 */
export function stateDictRules(fail: (message: string) => never): PickleRules {
  const budget = { pairs: MOST_PAIRS };
  const constructors: Record<string, (args: unknown[]) => unknown> = {
    'collections.OrderedDict': (args) => orderedDict(args, budget, fail),
    'torch._utils._rebuild_tensor': (args) => rebuildTensor(args, fail),
    'torch._utils._rebuild_tensor_v2': (args) => rebuildTensor(args, fail),
    'torch._utils._rebuild_parameter': (args) =>
      args[0] instanceof TensorReference ? args[0] : fail('its pickle makes a parameter of what is no tensor'),
    'torch.Size': (args) => (isCounts(args[0]) ? args[0] : fail('its pickle makes a size of what are no counts')),
    'torch.device': (args) => (typeof args[0] === 'string' ? args[0] : 'cpu'),
  };
  return {
    fail,
    persistent: (id) => persistent(id, fail),
    global: (module, name) => {
      const full = `${module}.${name}`;
      const construct = Object.hasOwn(constructors, full) ? constructors[full] : undefined;
      if (construct !== undefined) return { name: full, construct };
      const isStorage = ['torch', 'torch.cuda', 'torch.storage'].includes(module) && Object.hasOwn(STORAGES, name);
      if (isStorage || (module === 'torch' && DTYPES.includes(name))) return { name };
      return fail(
        `its pickle wants the Python global ${quote(full)}, which a state dict does not need and which could run code; ` +
          'save only the weights: torch.save(model.state_dict(), path)',
      );
    },
  };
}
