"""Where the PyTorch side computes, and how exactly."""

import contextlib

import torch


def open_device(name, precision, tuned):
    """The device called "cpu" or "cuda:N", with the precision of its float32 products set: "fp32", "tf32" (rounded to 10 bits of
    mantissa) or "bf16" (see autocast). `tuned`: cuDNN tries all of its algorithms, which pays where shapes stay the same."""
    device = torch.device(name)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = tuned
    return device


def autocast(device, precision):
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


def wait_for(device):
    """What was asked of a GPU is done when this returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
