/**
 * PyTorch's .pth and .pt files: the zip archives that torch.save writes since 1.6, and the bare pickles of before.
 * Format: torch/serialization.py.
 */
import { crc32 } from 'node:zlib';
import { messageOf, WeightsError } from '../errors.js';
import type { ByteFile } from './byte-file.js';
import { readFloats } from './element-types.js';
import { unpickle } from './pickle.js';
import { readBuffer } from './read-buffer.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';
import type { StorageReference } from './torch-objects.js';
import { stateDictRules, TensorReference } from './torch-objects.js';
import type { WeightTensor } from './weight-types.js';
import { zipEntries, type ZipEntry } from './zip-entries.js';

/** Where a storage's bytes lie in the file. */
interface Place {
  offset: number;
  bytes: number;
  crc32?: number;
}

interface Archive {
  root: unknown;
  places: Map<string, Place>;
  bigEndian: boolean;
}

/** Pickles of state dicts are a few hundred bytes a tensor. */
const LARGEST_PICKLE = 64 * 1024 * 1024;

const MAGIC = 0x1950a86a20f9469cfc6cn;

/** Keys under which training scripts put the state dict. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'model'];

/** Put before every name by DataParallel and by torch.compile. */
const PREFIXES = ['module.', '_orig_mod.'];

type Fail = (message: string) => never;

async function readZip(file: ByteFile, fail: Fail): Promise<Archive> {
  let entries: Map<string, ZipEntry>;
  try {
    entries = await zipEntries(file);
  } catch (error) {
    return fail(`its zip directory cannot be read (${quote(messageOf(error))})`);
  }
  const pickle = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const name = pickle.at(0);
  if (name === undefined || pickle.length !== 1) return fail('it is a zip archive without the data.pkl of torch.save');
  const folder = name.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    fail('it is a TorchScript program, not weights; save torch.save(model.state_dict(), path)');
  }
  const packed = [...entries].find(([entry, { plain }]) => entry.startsWith(folder) && !plain);
  if (packed !== undefined) fail(`its entry ${quote(packed[0])} is compressed, which torch.save never does`);
  const text = async (place: ZipEntry): Promise<Buffer> => {
    if (place.bytes > LARGEST_PICKLE) fail(`its pickle of ${place.bytes} bytes is too large for a state dict`);
    const bytes = await readBuffer(file, place.offset, place.bytes);
    if (crc32(bytes) !== place.crc32) fail('the checksum of its pickle is wrong');
    return bytes;
  };
  const order = entries.get(`${folder}byteorder`);
  const bigEndian = order !== undefined && (await text(order)).toString('latin1') === 'big';
  const places = new Map<string, Place>();
  for (const [entry, place] of entries) {
    if (entry.startsWith(`${folder}data/`)) places.set(entry.slice(`${folder}data/`.length), place);
  }
  return { root: unpickle(await text(entries.get(name)!), 0, stateDictRules(fail)).value, places, bigEndian };
}

/** Before 1.6: magic number, protocol, system, the object, the storage keys, then each storage as count and elements. */
async function readLegacy(file: ByteFile, fail: Fail): Promise<Archive> {
  const bytes = await readBuffer(file, 0, Math.min(file.size, LARGEST_PICKLE));
  const widths = new Map<string, number>();
  const rules = stateDictRules(fail);
  const noting = {
    ...rules,
    persistent: (id: unknown): unknown => {
      const storage = rules.persistent(id) as StorageReference;
      widths.set(storage.key, storage.width);
      return storage;
    },
  };
  let position = 0;
  const next = (): unknown => {
    const read = unpickle(bytes, position, noting);
    position = read.position;
    return read.value;
  };
  if (next() !== MAGIC) fail('it is a pickle but not one of torch.save');
  if (next() !== 1001) fail('it is of an unknown version of the legacy torch.save format');
  const system = next();
  const bigEndian = system instanceof Map && system.get('little_endian') === false;
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) return fail('it lacks the list of its storages');
  const places = new Map<string, Place>();
  for (const key of keys as unknown[]) {
    const width = typeof key === 'string' ? widths.get(key) : undefined;
    if (typeof key !== 'string' || width === undefined) return fail('it lists a storage that nothing refers to');
    const head = await readBuffer(file, position, 8);
    const elements = bigEndian ? head.readBigInt64BE() : head.readBigInt64LE();
    if (elements < 0n || elements > BigInt(file.size))
      fail(`its storage ${quote(key)} would have ${elements} elements`);
    places.set(key, { offset: position + 8, bytes: Number(elements) * width });
    position += 8 + Number(elements) * width;
  }
  return { root, places, bigEndian };
}

/** Name to tensor, out of the wrappers and prefixes that training scripts add. */
function stateDict(root: unknown, fail: Fail): Map<string, TensorReference> {
  let found = root;
  for (let depth = 0; depth < 3 && found instanceof Map; depth++) {
    const dictionary: Map<unknown, unknown> = found;
    const wrapper = WRAPPERS.find((key) => dictionary.get(key) instanceof Map);
    if (wrapper === undefined) break;
    found = dictionary.get(wrapper);
  }
  if (!(found instanceof Map)) return fail('it holds no state dict; save torch.save(model.state_dict(), path)');
  let tensors = [...found].filter(
    (entry): entry is [string, TensorReference] => typeof entry[0] === 'string' && entry[1] instanceof TensorReference,
  );
  if (tensors.length === 0) fail('it holds no tensors; save torch.save(model.state_dict(), path)');
  for (const prefix of [...PREFIXES, ...PREFIXES]) {
    if (tensors.every(([name]) => name.startsWith(prefix))) {
      tensors = tensors.map(([name, tensor]) => [name.slice(prefix.length), tensor]);
    }
  }
  return new Map(tensors);
}

function isContiguous({ shape, strides }: TensorReference): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** The tensor's elements in row-major order out of its storage. */
function gather(storage: Float32Array, tensor: TensorReference): Float32Array {
  const start = tensor.storage.start + tensor.offset;
  const elements = elementsOf(tensor.shape);
  if (elements === 0 || isContiguous(tensor)) return storage.slice(start, start + elements);
  const values = new Float32Array(elements);
  const index = tensor.shape.map(() => 0);
  let from = start;
  for (let i = 0; i < elements; i++) {
    values[i] = storage[from]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      from += tensor.strides[axis];
      if (++index[axis] < tensor.shape[axis]) break;
      from -= tensor.strides[axis] * tensor.shape[axis];
      index[axis] = 0;
    }
  }
  return values;
}

async function readStorage(
  file: ByteFile,
  archive: Archive,
  storage: StorageReference,
  fail: Fail,
): Promise<Float32Array> {
  const place = archive.places.get(storage.key);
  if (place === undefined || storage.type === null) return fail(`its storage ${quote(storage.key)} is missing`);
  const needed = (storage.start + storage.elements) * storage.width;
  if (place.bytes < needed) fail(`its storage ${quote(storage.key)} needs ${needed} bytes but has ${place.bytes}`);
  let sum = 0;
  const values = await readFloats(file, storage.type, place.offset, Math.floor(place.bytes / storage.width), {
    bigEndian: archive.bigEndian,
    onBytes: (bytes) => (sum = crc32(bytes, sum)),
  });
  if (place.crc32 !== undefined && place.crc32 !== sum)
    fail(`the checksum of its storage ${quote(storage.key)} is wrong`);
  return values;
}

/**
 * Reads the state dict of an open .pth or .pt file. Nothing in it is ever executed.
 *
 * @throws WeightsError for a damaged file, for a global that a state dict does not need (named), for a file without tensors.
 */
export async function readPytorch(file: ByteFile, kind: 'zip' | 'legacy'): Promise<Map<string, WeightTensor>> {
  const fail = (message: string): never => {
    throw new WeightsError(
      `${file.path}: ${message}${message.includes(';') ? '' : '; the file is damaged, get it again'}`,
    );
  };
  const archive = kind === 'zip' ? await readZip(file, fail) : await readLegacy(file, fail);
  const references = stateDict(archive.root, fail);
  const byStorage = new Map<string, [string, TensorReference][]>();
  let floats = 0;
  for (const [name, tensor] of references) {
    if (tensor.storage.type === null) continue;
    const { key, type } = tensor.storage;
    const group = byStorage.get(`${type} ${key}`);
    if (group === undefined) byStorage.set(`${type} ${key}`, [[name, tensor]]);
    else group.push([name, tensor]);
    floats += elementsOf(tensor.shape);
  }
  // A small storage named a million times would fill the memory; tied weights name one a few times.
  if (floats * 4 > 8 * file.size) fail(`its tensors would take ${floats * 4} bytes, far more than the file has`);
  const tensors = new Map<string, WeightTensor>();
  for (const group of byStorage.values()) {
    const storage = await readStorage(file, archive, group[0][1].storage, fail);
    for (const [name, tensor] of group) {
      const whole = group.length === 1 && isContiguous(tensor) && elementsOf(tensor.shape) === storage.length;
      const last = tensor.storage.start + tensor.storage.elements;
      if (last > storage.length) fail(`its tensor ${quote(name)} reaches beyond its storage`);
      tensors.set(name, {
        shape: tensor.shape,
        data: whole ? storage : gather(storage, tensor),
        bytes: elementsOf(tensor.shape) * tensor.storage.width,
      });
    }
  }
  // Back into the state dict's order.
  const ordered = [...references.keys()].flatMap((name) => {
    const tensor = tensors.get(name);
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
  return new Map(ordered);
}
