"""Scoring candidates in PyTorch: masks for given thresholds, then the error on the tune images; no weight changes. One variant a
process.

    {"command": "setup", "variant", "device", "precision", "threads", "spec", "weights", "images", "labels", "tune", "fit",
     "batch"}  -> {}
    {"command": "turn", "candidates": [{layer: threshold}]}
        -> {"seconds", "errors", "kept"}: of each candidate; {"peakBytes"}: since the first turn

The first `tune` images are scored, the `fit` ones behind them refresh BatchNorm's statistics where the network has some.

Variants: "idiomatic" (masks set with torch.where, layers that compute W * T in every forward), "channels-last" (the same in that
layout), "tuned" (W o T written once a candidate into a dense network, inference mode), "compiled" (tuned, through torch.compile).
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))

import torch
from torch import nn

from devices import autocast, open_device
from files import load_into, normalise, read_images, read_safetensors
from network import SpecNetwork
from server import peak_memory, restart_peak_memory, serve
from surgery import LOWER, MaskedConv2d, MaskedLinear, new_mask


class Idiomatic:
    def __init__(self, request):
        self.network = SpecNetwork(request["spec"], MaskedConv2d, MaskedLinear)
        load_into(self.network, read_safetensors(request["weights"]))
        self.network.to(request["device"])
        if request["variant"] != "idiomatic":
            self.network.to(memory_format=torch.channels_last)
        self.forward = self.network
        self.masks = {name: layer.mask for name, layer in self.network.prunable().items()}

    def set_masks(self, thresholds):
        kept = 0
        for name, layer in self.network.prunable().items():
            layer.mask = new_mask(layer.weight, self.masks[name], thresholds[name])
            kept += int(layer.mask.sum())
        return kept


class Tuned:
    def __init__(self, request):
        self.network = SpecNetwork(request["spec"])
        load_into(self.network, read_safetensors(request["weights"]))
        self.network.to(request["device"], memory_format=torch.channels_last)
        self.forward = torch.compile(self.network, dynamic=False) if request["variant"] == "compiled" else self.network
        self.shadows = {name: layer.weight.detach().clone() for name, layer in self.network.prunable().items()}

    def set_masks(self, thresholds):
        kept = 0
        for name, layer in self.network.prunable().items():
            shadow = self.shadows[name]
            # The network scored is dense so far: a weight between the two thresholds keeps its mask of 1.
            mask = shadow.abs() >= LOWER * thresholds[name]
            torch.mul(shadow, mask, out=layer.weight)
            kept += int(mask.sum())
        return kept


class Scorer:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        variant = request["variant"]
        device = open_device(request["device"], request["precision"], variant in ("tuned", "compiled"))
        self.variant = (Tuned if variant in ("tuned", "compiled") else Idiomatic)(request)
        self.network = self.variant.network.eval()
        self.guard = torch.no_grad if variant in ("idiomatic", "channels-last") else torch.inference_mode
        self.autocast = autocast(device, request["precision"])
        count, batch = request["tune"] + request["fit"], request["batch"]
        pixels = read_images(request["images"], count)
        # Batch by batch: the whole in float32 would count twice in the peak.
        batches = []
        for first, last in [(0, request["tune"]), (request["tune"], count)]:
            batches.append([normalise(pixels[i : min(i + batch, last)], request["spec"]) for i in range(first, last, batch)])
        if variant != "idiomatic":
            batches = [[x.contiguous(memory_format=torch.channels_last) for x in part] for part in batches]
        # On a GPU all images stay there, as this package's do.
        self.tune, self.fit = [[x.to(device) for x in part] for part in batches]
        self.labels = torch.tensor(request["labels"], device=device).split(batch)
        self.norms = [module for module in self.network.modules() if isinstance(module, nn.BatchNorm2d)]

    def refresh_statistics(self):
        for norm in self.norms:
            norm.reset_running_stats()
            # The plain mean over the batches.
            norm.momentum = None
            norm.train()
        for images in self.fit:
            self.network(images)
        for norm in self.norms:
            norm.eval()

    def score(self, thresholds):
        with self.guard(), self.autocast:
            kept = self.variant.set_masks(thresholds)
            if self.norms:
                self.refresh_statistics()
            wrong = 0
            for images, labels in zip(self.tune, self.labels):
                wrong += int((self.variant.forward(images).argmax(1) != labels).sum())
        return wrong / sum(len(labels) for labels in self.labels), kept


scorer = None
turns = 0


def answer(request):
    global scorer, turns
    if request["command"] == "setup":
        scorer = Scorer(request)
        return {}
    seconds, errors, kept = [], [], []
    for thresholds in request["candidates"]:
        begin = time.perf_counter()
        error, count = scorer.score(thresholds)
        seconds.append(time.perf_counter() - begin)
        errors.append(error)
        kept.append(count)
    turns += 1
    peak = peak_memory()
    if turns == 1:
        restart_peak_memory()
    return {"seconds": seconds, "errors": errors, "kept": kept, "peakBytes": peak}


if __name__ == "__main__":
    serve({"torch": torch.__version__, "python": sys.version.split()[0]}, answer)
