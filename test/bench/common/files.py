"""Weights and images as the package writes them."""

import json

import numpy
import torch

ELEMENTS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}


def read_safetensors(path):
    """Tensors by name, float32. The format: 8 bytes with the length of a JSON header, the header, the data."""
    data = numpy.memmap(path, mode="r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in ELEMENTS:
            raise ValueError(f"{path}: tensor {name} has the element type {entry['dtype']}, which is not read here")
        first, last = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + length + first : 8 + length + last].tobytes(), ELEMENTS[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).astype(numpy.float32))
    return tensors


def read_weights(path):
    """A .safetensors file or a PyTorch state dict."""
    if path.endswith(".safetensors"):
        return read_safetensors(path)
    if path.endswith((".pth", ".pt")):
        return torch.load(path, map_location="cpu", weights_only=True)
    raise ValueError(f"{path}: the PyTorch side reads .safetensors, .pth and .pt")


@torch.no_grad()
def load_into(network, tensors):
    for name, value in network.state_dict().items():
        if name in tensors:
            value.copy_(tensors[name])


def read_images(images, count):
    """The first `count` records, uint8 [count, height, width, channels]."""
    shape = (images["records"], images["height"], images["width"], images["channels"])
    return numpy.memmap(images["path"], mode="r", offset=images["offset"], shape=shape)[:count]


def normalise(pixels, spec):
    """uint8 [n, h, w, c] to the network's input, float32 [n, c, size, size]: centre crop, channel order, mean and deviation."""
    given = spec["input"]
    size = given["size"]
    top, left = (round((extent - size) / 2) for extent in pixels.shape[1:3])
    x = torch.from_numpy(numpy.ascontiguousarray(pixels[:, top : top + size, left : left + size])).permute(0, 3, 1, 2)
    if given["channelOrder"] == "BGR":
        x = x.flip(1)
    mean = torch.tensor(given["mean"]).view(1, -1, 1, 1)
    deviation = torch.tensor(given["std"]).view(1, -1, 1, 1)
    return ((x.float() * given["scale"] - mean) / deviation).contiguous()
