import { describe, expect, it } from 'vitest';
import { placeOfEntry } from '../../../lib/native/install/libtorch-files.js';

describe('placeOfEntry', () => {
  it.each([
    ['torch/lib/libtorch_cpu.so', 'lib/libtorch_cpu.so'],
    ['torch/lib/libgomp.so.1', 'lib/libgomp.so.1'],
    ['torch/lib/libgomp-98b21ff3.so.1', 'lib/libgomp-98b21ff3.so.1'],
    ['torch/include/ATen/ATen.h', 'include/ATen/ATen.h'],
    ['torch/share/cmake/Torch/TorchConfig.cmake', 'share/cmake/Torch/TorchConfig.cmake'],
    ['torch/lib/libtorch_python.so', null],
    ['torch/lib/libtorchbind_test.so', null],
    ['torch/nn/modules/conv.py', null],
    ['torch/bin/protoc', null],
    ['torch-2.13.0+cpu.dist-info/RECORD', null],
    ['libtorch/lib/libtorch_cpu.so', null],
  ])('wheel: %s -> %s', (entry, expected) => {
    expect(placeOfEntry('torch', entry)).toBe(expected);
  });

  it.each([
    ['libtorch/lib/libtorch_cpu.so', 'lib/libtorch_cpu.so'],
    ['libtorch/lib/libgomp-98b21ff3.so.1', 'lib/libgomp-98b21ff3.so.1'],
    ['libtorch/lib/libprotobuf.a', null],
    ['libtorch/include/c10/macros/Macros.h', 'include/c10/macros/Macros.h'],
    ['libtorch/bin/protoc', null],
  ])('archive: %s -> %s', (entry, expected) => {
    expect(placeOfEntry('libtorch', entry)).toBe(expected);
  });
});
