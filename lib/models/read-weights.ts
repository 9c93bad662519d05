/** Any weight file to tensors by name. */
import { WeightsError } from '../errors.js';
import { ByteFile } from './byte-file.js';
import { readCaffemodel } from './caffemodel.js';
import { isModelFileHeader, readPackedWeights } from './model-file.js';
import { readPytorch } from './pytorch.js';
import { readBuffer } from './read-buffer.js';
import { isFloatType, readEntry } from './safetensors.js';
import { parseSafetensorsHeader } from './safetensors-header.js';
import { quote } from './text.js';
import type { WeightFile, WeightFormat, WeightTensor } from './weight-types.js';

/** What the first bytes say a file is; null where they say nothing known. */
function recognise(start: Buffer, path: string): 'safetensors' | 'zip' | 'legacy' | 'caffemodel' | null {
  if (start.length >= 4 && start.readUInt32BE() === 0x504b0304) return 'zip';
  if (start.length >= 9 && start[8] === 0x7b) return 'safetensors';
  if (path.endsWith('.safetensors')) return 'safetensors';
  // PROTO 2, the opcode every pickle of torch.save starts with, and up to 5.
  if (start.length >= 2 && start[0] === 0x80 && start[1] >= 2 && start[1] <= 5) return 'legacy';
  // NetParameter starts with its name or its first layer.
  const begins = start[0] === 0x0a || start[0] === 0x12 || start.readUInt16BE() === 0xa206;
  return path.endsWith('.caffemodel') || (begins && !/\.pth?$/.test(path)) ? 'caffemodel' : null;
}

function refuse(path: string, start: Buffer): never {
  const text = start.toString('latin1');
  const hint = /^version https:\/\/git-lfs/.test(text)
    ? 'a Git LFS pointer, run "git lfs pull"'
    : /^\s*<(!doctype|html|\?xml)/i.test(text)
      ? 'a web page, the download went wrong'
      : 'of an unknown kind';
  throw new WeightsError(`${path}: ${hint}; weight files are .safetensors, .pth or .pt (a state dict), .caffemodel`);
}

async function readPlainSafetensors(file: ByteFile): Promise<Pick<WeightFile, 'tensors' | 'metadata'>> {
  const header = await parseSafetensorsHeader(file);
  const tensors = new Map<string, WeightTensor>();
  for (const [name, entry] of header.tensors) {
    if (isFloatType(entry.dtype)) {
      const data = (await readEntry(file, entry)) as Float32Array;
      tensors.set(name, { shape: entry.shape, data, bytes: entry.bytes });
    } else if (entry.dtype.startsWith('F') || entry.dtype === 'C64') {
      throw new WeightsError(
        `${file.path}: tensor ${quote(name)} is of type ${entry.dtype}, which is not read; save it as float32`,
      );
    }
  }
  return { tensors, metadata: header.metadata };
}

/**
 * Reads .safetensors, PyTorch's .pth and .pt, .caffemodel and this package's own model files, told apart by content.
 * float64, float16 and bfloat16 become float32; integer tensors (num_batches_tracked) are left out. No more is held
 * than the tensors themselves.
 *
 * @throws FileError where the file cannot be read; WeightsError where it is damaged, of an unknown kind, or a pickle that
 *   wants to run code; ModelFileError for a damaged model file.
 */
export async function readWeights(path: string): Promise<WeightFile> {
  const file = await ByteFile.open(path);
  try {
    if (file.size < 2) throw new WeightsError(`${path}: empty; get the file again`);
    const start = await readBuffer(file, 0, Math.min(file.size, 64));
    const kind = recognise(start, path) ?? refuse(path, start);
    if (kind === 'safetensors') {
      if (isModelFileHeader(await parseSafetensorsHeader(file))) {
        return { path, format: 'finepune', ...(await readPackedWeights(path)) };
      }
      return { path, format: 'safetensors', ...(await readPlainSafetensors(file)) };
    }
    if (kind === 'caffemodel') {
      const { tensors, name } = await readCaffemodel(file);
      return { path, format: 'caffemodel', tensors, metadata: name === '' ? {} : { name } };
    }
    const format: WeightFormat = 'pytorch';
    return { path, format, tensors: await readPytorch(file, kind), metadata: {} };
  } finally {
    await file.close();
  }
}
