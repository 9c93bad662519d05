/** Small .caffemodel files for the tests, of every shape Caffe has written. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export interface BlobOptions {
  values: readonly number[];
  /** BlobShape of the current format. */
  shape?: readonly number[];
  /** num, channels, height, width of the format before. */
  legacy?: readonly [number, number, number, number];
  kind?: 'packed' | 'unpacked' | 'double';
}

export interface LayerOptions {
  name: string;
  /** A type's name, or V1's number. */
  type: string | number;
  blobs: BlobOptions[];
}

function blob({ values, shape, legacy, kind = 'packed' }: BlobOptions): Uint8Array {
  const writer = new BinaryWriter();
  legacy?.forEach((extent, i) => writer.tag(i + 1, WireType.Varint).int32(extent));
  if (kind === 'packed')
    writer.tag(5, WireType.LengthDelimited).bytes(new Uint8Array(Float32Array.from(values).buffer));
  if (kind === 'double')
    writer.tag(8, WireType.LengthDelimited).bytes(new Uint8Array(Float64Array.from(values).buffer));
  if (kind === 'unpacked') for (const value of values) writer.tag(5, WireType.Bit32).float(value);
  if (shape !== undefined) {
    const inner = new BinaryWriter();
    inner.tag(1, WireType.LengthDelimited).fork();
    for (const extent of shape) inner.int64(extent);
    inner.join();
    writer.tag(7, WireType.LengthDelimited).bytes(inner.finish());
  }
  return writer.finish();
}

/** A NetParameter: V1LayerParameters where `v1`, else LayerParameters. */
export function caffemodel(layers: readonly LayerOptions[], { v1 = false, name = 'Net' } = {}): Uint8Array {
  const net = new BinaryWriter();
  net.tag(1, WireType.LengthDelimited).string(name);
  const fields = v1
    ? { layer: 2, name: 4, type: 5, blobs: 6, phase: 1001 }
    : { layer: 100, name: 1, type: 2, blobs: 7, phase: 10 };
  for (const layer of layers) {
    net.tag(fields.layer, WireType.LengthDelimited).fork();
    net.tag(fields.name, WireType.LengthDelimited).string(layer.name);
    if (typeof layer.type === 'string') net.tag(fields.type, WireType.LengthDelimited).string(layer.type);
    else net.tag(fields.type, WireType.Varint).int32(layer.type);
    for (const entry of layer.blobs) net.tag(fields.blobs, WireType.LengthDelimited).bytes(blob(entry));
    net.tag(fields.phase, WireType.Varint).int32(0);
    net.join();
  }
  return net.finish();
}
