"""Dynamic Network Surgery (Guo, Yao, Chen, NIPS 2016) in PyTorch, as its users write it and tuned by hand.

    forward   W o T          backward   dL/d(W o T) goes to every entry of W
    mask      T = 0 where |W| < a;  unchanged where a <= |W| < b;  1 where |W| >= b,   a = 0.9 t, b = 1.1 t

torch.optim's weight decay also shrinks what the masks hide, which the package's own step does not; over a few steps that is
far below float32's rounding of the loss.
"""

import torch
from torch import nn
from torch.nn import functional

LOWER, UPPER = 0.9, 1.1

# ---- the idiom: a masked layer computes W * T in every forward and passes the gradient straight through


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, mask):
        return weight * mask

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class MaskedConv2d(nn.Conv2d):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.register_buffer("mask", torch.ones_like(self.weight), persistent=False)

    def forward(self, x):
        return self._conv_forward(x, StraightThrough.apply(self.weight, self.mask), self.bias)


class MaskedLinear(nn.Linear):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.register_buffer("mask", torch.ones_like(self.weight), persistent=False)

    def forward(self, x):
        return functional.linear(x, StraightThrough.apply(self.weight, self.mask), self.bias)


def new_mask(weight, mask, threshold):
    """The mask after a refresh."""
    magnitude = weight.abs()
    mask = torch.where(magnitude < LOWER * threshold, torch.zeros_like(mask), mask)
    return torch.where(magnitude >= UPPER * threshold, torch.ones_like(mask), mask)


@torch.no_grad()
def refresh_masks(network, thresholds, due=lambda name: True):
    for name, layer in network.prunable().items():
        if name in thresholds and due(name):
            layer.mask = new_mask(layer.weight, layer.mask, thresholds[name])


# ---- tuned by hand: parameters hold W o T, so that forward and backward are those of the dense network


class Shadows:
    """W and T of every prunable layer of a network whose own weights are W o T."""

    @torch.no_grad()
    def __init__(self, network, thresholds):
        layers = network.prunable()
        self.names = list(layers)
        self.weights = [layer.weight for layer in layers.values()]
        self.shadows = [nn.Parameter(weight.detach().clone()) for weight in self.weights]
        self.masks = [torch.ones_like(weight, dtype=torch.bool) for weight in self.weights]
        # Scratch memory, reused by every layer.
        largest = max(weight.numel() for weight in self.weights)
        self.magnitudes = torch.empty(largest, device=self.weights[0].device)
        self.flags = torch.empty(largest, dtype=torch.bool, device=self.weights[0].device)
        self.set_thresholds(thresholds)

    def set_thresholds(self, thresholds):
        self.thresholds = dict(thresholds)
        self.refresh(lambda name: True)

    @torch.no_grad()
    def refresh(self, due):
        """Refreshes the masks that are due, in place, and writes W o T."""
        for name, weight, shadow, mask in zip(self.names, self.weights, self.shadows, self.masks):
            if name in self.thresholds and due(name):
                threshold = self.thresholds[name]
                magnitude = self.like(self.magnitudes, shadow)
                flag = self.like(self.flags, shadow)
                torch.abs(shadow, out=magnitude)
                mask.logical_and_(torch.ge(magnitude, LOWER * threshold, out=flag))
                mask.logical_or_(torch.ge(magnitude, UPPER * threshold, out=flag))
            torch.mul(shadow, mask, out=weight)

    def gradients_to_shadows(self):
        for weight, shadow in zip(self.weights, self.shadows):
            shadow.grad = weight.grad

    @staticmethod
    def like(scratch, tensor):
        return scratch.as_strided(tensor.shape, tensor.stride())


def fused_step(weights, shadows, momenta, masks, gradients, thresholds, rate, momentum, decay):
    """SGD, mask refresh and W o T in plain operations, written to be compiled: torch.compile makes one loop a layer of it."""
    for weight, shadow, moment, mask, gradient, threshold in zip(weights, shadows, momenta, masks, gradients, thresholds):
        moment.mul_(momentum).add_(gradient + decay * shadow)
        shadow.sub_(moment, alpha=rate)
        if threshold is not None:
            magnitude = shadow.abs()
            mask.copy_((mask & (magnitude >= LOWER * threshold)) | (magnitude >= UPPER * threshold))
        weight.copy_(shadow * mask)
