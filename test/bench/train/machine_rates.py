"""What this machine can do, through torch: the rate of convolutions and matrix products of given shapes, and of copying.

    {"command": "layers", "device", "threads", "precision", "layers", "repeats"}  -> {"rates"}: FLOP/s of each layer, the best repeat
    {"command": "copy", "device", "threads", "bytes", "repeats"}                  -> {"rate"}: bytes read and written a second

A layer: {"kind": "conv", "input": [n, c, h, w], "weight": [o, c / group, kh, kw], "strides", "pads", "dilations", "group", "flops",
"inputGradient"} or {"kind": "gemm", "input": [n, i], "weight": [o, i], ...}. Forward and backward, channels_last.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))

import torch
from torch.nn import functional

from devices import open_device, wait_for
from server import serve

PREPARED = {}


def prepare(layer, dtype, device):
    x = torch.randn(layer["input"], device=device).to(dtype)
    weight = torch.randn(layer["weight"], device=device).to(dtype)
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


def rate(layer, dtype, device, repeats):
    key = (str(layer), dtype)
    if key not in PREPARED:
        PREPARED[key] = prepare(layer, dtype, device)
    run, x, weight, gradient = PREPARED[key]
    wanted = [weight, x] if layer["inputGradient"] else [weight]
    best = float("inf")
    # The first is for libraries that choose an algorithm when they first see a shape.
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        torch.autograd.grad(run(x, weight), wanted, gradient)
        wait_for(device)
        best = min(best, time.perf_counter() - begin)
    return layer["flops"] / best


def copy_rate(count, device, repeats):
    source, target = torch.ones(count // 4, device=device), torch.zeros(count // 4, device=device)
    wait_for(device)
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        target.copy_(source)
        wait_for(device)
        best = min(best, time.perf_counter() - begin)
    return 2 * count / best


def answer(request):
    torch.set_num_threads(request["threads"])
    device = open_device(request["device"], request.get("precision", "fp32"), tuned=True)
    if request["command"] == "layers":
        dtype = torch.bfloat16 if request["precision"] == "bf16" else torch.float32
        return {"rates": [rate(layer, dtype, device, request["repeats"]) for layer in request["layers"]]}
    return {"rate": copy_rate(request["bytes"], device, request["repeats"])}


if __name__ == "__main__":
    serve({"torch": torch.__version__}, answer)
