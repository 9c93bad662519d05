"""Masked training in PyTorch: one variant a process, steps on request. See serve() for how requests come.

    {"command": "setup", "variant", "device", "precision", "threads", "spec", "weights", "images", "labels", "batch",
     "thresholds", "rate", "momentum", "decay"}    -> {}
    {"command": "losses", "steps"}   -> {"losses"}: of the first steps, without dropout
    {"command": "warmUp", "steps"}   -> {"seconds"}: compiles where the variant does; peak memory counts from here on
    {"command": "turn", "steps"}     -> {"seconds"}: of each step, on a GPU their mean; {"peakBytes"}

Variants: "idiomatic", "channels-last" (the same in that layout), "tuned" (foreach SGD), "fused" (tuned, with torch.optim's one-pass
SGD), "compiled" (tuned, network and step through torch.compile).

The images are ready: decoded, cropped and normalised in memory, which is more than a real loop gets.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))

import torch
from torch.nn import functional

from devices import autocast, open_device, wait_for
from files import load_into, normalise, read_images, read_safetensors
from network import SpecNetwork
from server import peak_memory, restart_peak_memory, serve
from surgery import MaskedConv2d, MaskedLinear, Shadows, fused_step, refresh_masks


class Idiomatic:
    """W * T in every layer's forward, torch.optim.SGD, masks refreshed with torch.where after every step."""

    def __init__(self, request, channels_last):
        self.network = SpecNetwork(request["spec"], MaskedConv2d, MaskedLinear)
        load_into(self.network, read_safetensors(request["weights"]))
        self.network.to(request["device"])
        if channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.forward = self.network
        self.thresholds = request["thresholds"]
        refresh_masks(self.network, self.thresholds)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), lr=request["rate"], momentum=request["momentum"], weight_decay=request["decay"]
        )

    def update(self):
        self.optimizer.step()
        self.optimizer.zero_grad()
        refresh_masks(self.network, self.thresholds)


class Tuned:
    """Parameters hold W o T; SGD works on the shadows; masks are boolean and refreshed in place; channels_last."""

    def __init__(self, request, **sgd):
        self.network = SpecNetwork(request["spec"])
        load_into(self.network, read_safetensors(request["weights"]))
        self.network.to(request["device"], memory_format=torch.channels_last)
        self.forward = self.network
        self.shadows = Shadows(self.network, request["thresholds"])
        pruned = {id(weight) for weight in self.shadows.weights}
        others = [parameter for parameter in self.network.parameters() if id(parameter) not in pruned]
        self.optimizer = torch.optim.SGD(
            self.shadows.shadows + others,
            lr=request["rate"],
            momentum=request["momentum"],
            weight_decay=request["decay"],
            **sgd,
        )

    def update(self):
        self.shadows.gradients_to_shadows()
        self.optimizer.step()
        self.network.zero_grad()
        self.optimizer.zero_grad()
        self.shadows.refresh(lambda name: True)


class Compiled:
    """The network through torch.compile, and the whole update as one compiled function."""

    def __init__(self, request):
        self.network = SpecNetwork(request["spec"])
        load_into(self.network, read_safetensors(request["weights"]))
        self.network.to(request["device"], memory_format=torch.channels_last)
        self.forward = torch.compile(self.network, dynamic=False)
        held = Shadows(self.network, request["thresholds"])
        pruned = {id(weight) for weight in held.weights}
        self.others = [parameter for parameter in self.network.parameters() if id(parameter) not in pruned]
        self.momenta = [torch.zeros_like(weight) for weight in held.weights]
        self.held = held
        self.limits = [held.thresholds.get(name) for name in held.names]
        self.rates = (request["rate"], request["momentum"], request["decay"])
        self.step = torch.compile(fused_step, dynamic=False)
        self.optimizer = torch.optim.SGD(
            self.others, lr=request["rate"], momentum=request["momentum"], weight_decay=request["decay"], fused=True
        )

    @torch.no_grad()
    def update(self):
        held = self.held
        gradients = [weight.grad for weight in held.weights]
        shadows = [shadow.data for shadow in held.shadows]
        weights = [weight.data for weight in held.weights]
        self.step(weights, shadows, self.momenta, held.masks, gradients, self.limits, *self.rates)
        self.optimizer.step()
        self.network.zero_grad()


VARIANTS = {
    "idiomatic": lambda request: Idiomatic(request, channels_last=False),
    "channels-last": lambda request: Idiomatic(request, channels_last=True),
    "tuned": lambda request: Tuned(request, foreach=True),
    "fused": lambda request: Tuned(request, fused=True),
    "compiled": Compiled,
}


class Trainer:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        torch.manual_seed(1)
        tuned = request["variant"] not in ("idiomatic", "channels-last")
        self.device = open_device(request["device"], request["precision"], tuned)
        self.precision = request["precision"]
        self.variant = VARIANTS[request["variant"]](request)
        self.variant.network.train()
        images = normalise(read_images(request["images"], request["batch"]), request["spec"])
        if request["variant"] != "idiomatic":
            images = images.contiguous(memory_format=torch.channels_last)
        self.images = images.to(self.device)
        self.labels = torch.tensor(request["labels"][: request["batch"]], device=self.device)

    def step(self, forward):
        with autocast(self.device, self.precision):
            loss = functional.cross_entropy(forward(self.images), self.labels)
        loss.backward()
        self.variant.update()
        return loss

    def losses(self, steps):
        """Without dropout, and never through the compiled network, which would be compiled once more for it."""
        self.variant.network.dropout = False
        losses = [self.step(self.variant.network).item() for _ in range(steps)]
        self.variant.network.dropout = True
        return losses

    def turn(self, steps):
        if self.device.type == "cuda":
            return self.turn_on_gpu(steps)
        seconds = []
        for _ in range(steps):
            begin = time.perf_counter()
            self.step(self.variant.forward)
            seconds.append(time.perf_counter() - begin)
        return seconds

    def turn_on_gpu(self, steps):
        """Nothing waits between the steps, as in a loop that looks at its losses once in a while."""
        wait_for(self.device)
        begin = time.perf_counter()
        for _ in range(steps):
            self.step(self.variant.forward)
        wait_for(self.device)
        return [(time.perf_counter() - begin) / steps] * steps


trainer = None


def answer(request):
    global trainer
    command = request["command"]
    if command == "setup":
        trainer = Trainer(request)
        return {}
    if command == "losses":
        return {"losses": trainer.losses(request["steps"])}
    if command == "warmUp":
        seconds = trainer.turn(request["steps"])
        restart_peak_memory()
        return {"seconds": seconds}
    if command == "turn":
        return {"seconds": trainer.turn(request["steps"]), "peakBytes": peak_memory()}
    raise ValueError(f"unknown command {command}")


if __name__ == "__main__":
    serve({"torch": torch.__version__, "python": sys.version.split()[0]}, answer)
