"""What this machine can do, through torch: the rate of convolutions and matrix products of given shapes, and of copying.

    {"command": "layers", "threads", "precision", "layers", "repeats"}  -> {"rates"}: FLOP/s of each layer, the best repeat
    {"command": "copy", "threads", "bytes", "repeats"}                  -> {"rate"}: bytes read and written a second

A layer: {"kind": "conv", "input": [n, c, h, w], "weight": [o, c / group, kh, kw], "strides", "pads", "dilations", "group", "flops",
"inputGradient"} or {"kind": "gemm", "input": [n, i], "weight": [o, i], ...}. Forward and backward, channels_last.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))

import torch
from torch.nn import functional

from server import serve

PREPARED = {}


def prepare(layer, dtype):
    x = torch.randn(layer["input"]).to(dtype)
    weight = torch.randn(layer["weight"]).to(dtype)
    if layer["kind"] == "gemm":
        run = functional.linear
    else:
        x = x.contiguous(memory_format=torch.channels_last)
        weight = weight.contiguous(memory_format=torch.channels_last)

        def run(x, weight):
            return functional.conv2d(x, weight, None, layer["strides"], layer["pads"], layer["dilations"], layer["group"])

    x.requires_grad_(layer["inputGradient"])
    weight.requires_grad_()
    return run, x, weight, torch.randn_like(run(x, weight))


def rate(layer, dtype, repeats):
    key = (str(layer), dtype)
    if key not in PREPARED:
        PREPARED[key] = prepare(layer, dtype)
    run, x, weight, gradient = PREPARED[key]
    wanted = [weight, x] if layer["inputGradient"] else [weight]
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        torch.autograd.grad(run(x, weight), wanted, gradient)
        best = min(best, time.perf_counter() - begin)
    return layer["flops"] / best


def copy_rate(count, repeats):
    source, target = torch.ones(count // 4), torch.zeros(count // 4)
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        target.copy_(source)
        best = min(best, time.perf_counter() - begin)
    return 2 * count / best


def answer(request):
    torch.set_num_threads(request["threads"])
    if request["command"] == "layers":
        dtype = torch.bfloat16 if request["precision"] == "bf16" else torch.float32
        return {"rates": [rate(layer, dtype, request["repeats"]) for layer in request["layers"]]}
    return {"rate": copy_rate(request["bytes"], request["repeats"])}


if __name__ == "__main__":
    serve({"torch": torch.__version__}, answer)
