"""Fine-pruning in PyTorch: the algorithm of `tune`, with the same budget of steps and evaluations, on the same images.

    python tune_baseline.py TASK.json

TASK: {"variant": "idiomatic" or "tuned", "spec": with the data's classes, "weights", "partial", "parts": {"fit", "tune", "test"}:
[{"path", "label"}], "config": as RUN/config.json}. Prints JSON lines: {"event": "progress", "text"} and at the end {"event": "done",
"accuracy": {"dense", "compressed"}, "compression", "seconds": {"decode", "search", "train", "total"}, "peakRssBytes"}.

Differences from the package: search.py; and torch.optim's weight decay also acts on what the masks hide.
"""

import contextlib
import copy
import json
import math
import os
import pathlib
import sys
import time

STARTED = time.perf_counter()

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))

import numpy
import torch
from torch import nn
from torch.nn import functional

from devices import autocast, open_device
from files import read_weights
from images import Preprocessing, TrainingBatches, decode_all, evaluation_batches
from models import MODELS
from network import SpecNetwork
from search import Layers, search
from server import peak_memory

CLIP_NORM = 10
RAMP_STEPS = 10
SURGERY_GAMMA = 1e-3
FINETUNE_MARKS = 12
RACE_BATCHES, RACE_DEVIATIONS = 2, 3
BATCH_NORM_BATCHES = 4


def emit(event):
    print(json.dumps(event), flush=True)


def progress(text):
    emit({"event": "progress", "text": text})


class Clock:
    def __init__(self):
        self.seconds = {"decode": 0.0, "search": 0.0, "train": 0.0}

    @contextlib.contextmanager
    def part(self, name):
        begin = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - begin


class Run:
    def __init__(self, task):
        self.spec, self.config = task["spec"], task["config"]
        self.clock = Clock()
        config = self.config
        torch.set_num_threads(config["threads"])
        torch.manual_seed(config["seed"])
        self.random = numpy.random.default_rng(config["seed"])
        self.device = open_device(config["device"], config["precision"], tuned=task["variant"] == "tuned")
        self.model = MODELS[task["variant"]](self.spec)
        self.model.network.to(self.device)
        with self.clock.part("decode"):
            self.parts = {name: decode_all(items, self.spec, config["threads"]) for name, items in task["parts"].items()}
        progress("decoded")
        self.preprocessing = Preprocessing(self.spec, config["augmentation"], self.model.layout)
        pixels, labels = self.parts["fit"]
        self.fit = TrainingBatches(pixels, labels, self.preprocessing, config["batchSize"], config["seed"], config["threads"])
        # The search reads the tune images in a random order, so that any first part of them has all classes.
        self.search_order = self.random.permutation(len(self.parts["tune"][1]))
        self.fresh = self.load(self.model.network, task)
        self.model.ready()
        self.autocast = lambda: autocast(self.device, config["precision"])

    def placed(self, batches):
        """Batches where the network is."""
        for images, labels in batches:
            yield images.to(self.device), labels.to(self.device)

    def evaluation_batches(self, part, order=None):
        return self.placed(evaluation_batches(*self.parts[part], self.preprocessing, self.config["batchSize"], order))

    # ---- weights

    @torch.no_grad()
    def load(self, network, task):
        """Pre-trained values where name and shape fit; the others start fresh, scaled to outputs of variance 1 (Mishkin, Matas,
        ICLR 2016). Returns the fresh layers' names."""
        given = read_weights(task["weights"])
        fresh = []
        for name, value in network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            if name in given and given[name].shape == value.shape:
                value.copy_(given[name])
                continue
            node = name.rsplit(".", 1)[0]
            if name not in given and not task["partial"]:
                raise ValueError(f"{task['weights']} lacks {name}")
            fresh.append(node)
            if name.endswith("weight") and value.dim() > 1:
                value.normal_(0, 0.01 if node == network.head else math.sqrt(2 / value[0].numel()))
            else:
                value.fill_(1.0 if name.endswith(("weight", "running_var")) else 0.0)
        images, _ = next(self.evaluation_batches("fit"))
        network.eval()
        for node in dict.fromkeys(fresh):
            if node == network.head or not isinstance(network.layers_by_node[node], (nn.Conv2d, nn.Linear)):
                continue
            deviation = []
            hook = network.layers_by_node[node].register_forward_hook(lambda _, __, output: deviation.append(output.std()))
            network(images)
            hook.remove()
            if deviation[0] > 0:
                network.layers_by_node[node].weight /= deviation[0]
        return set(fresh)

    # ---- training

    def optimizer(self, trained, sgd):
        """Two groups: fresh parameters, and the others."""
        config = self.config
        fresh = [value for name, value in trained.items() if name.rsplit(".", 1)[0] in self.fresh]
        others = [value for name, value in trained.items() if name.rsplit(".", 1)[0] not in self.fresh]
        groups = [{"params": group} for group in (fresh, others) if group]
        self.fresh_group = 0 if fresh else None
        return torch.optim.SGD(
            groups, lr=config["learningRate"], momentum=config["momentum"], weight_decay=config["weightDecay"], **sgd
        )

    def train(self, network, optimizer, first, steps, rate, before=lambda: None, after=lambda step: None, fresh_factor=1.0):
        """Returns the mean loss."""
        config = self.config
        network.train()
        # Summed where they are: asking a GPU for the loss of every step would make it wait for every step.
        losses = torch.zeros((), device=self.device)
        for index, (images, labels) in enumerate(self.placed(self.fit.steps(first, steps))):
            for place, group in enumerate(optimizer.param_groups):
                group["lr"] = config["learningRate"] * rate(index) * (fresh_factor if place == self.fresh_group else 1)
            with self.autocast():
                loss = functional.cross_entropy(network(images), labels, label_smoothing=config["labelSmoothing"])
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            before()
            optimizer.step()
            optimizer.zero_grad()
            network.zero_grad()
            after(first + index)
            losses += loss.detach()
        mean = losses.item() / steps
        if not math.isfinite(mean):
            raise FloatingPointError(f"the loss is not finite in steps {first} to {first + steps - 1}")
        return mean

    def warm_up(self, network, optimizer):
        config, model = self.config, self.model
        ramp = lambda step: min(1, (step + 1) / RAMP_STEPS)
        alone, rest = config["freshSteps"], config["warmupSteps"] - config["freshSteps"]
        arguments = {"before": model.before_step, "after": lambda step: model.after_step(lambda name: False)}
        if alone > 0:
            self.freeze(network, True)
            self.train(network, optimizer, 0, alone, ramp, fresh_factor=config["freshFactor"], **arguments)
            self.freeze(network, False)
        if rest > 0:
            later = lambda step: ramp(step + alone)
            self.train(network, optimizer, alone, rest, later, fresh_factor=config["freshFactor"], **arguments)

    def freeze(self, network, frozen):
        for name, value in network.named_parameters():
            value.requires_grad_(not frozen or name.rsplit(".", 1)[0] in self.fresh)

    def decay(self, step):
        share = step / self.config["finetuneSteps"]
        if self.config["decay"] == "step":
            return 1 if share < 0.5 else 0.1 if share < 0.75 else 0.01
        return 0.5 * (1 + math.cos(math.pi * share))

    def finetune(self, network, optimizer, first, save, **arguments):
        """The last fine-tuning; what `save` gave at the lowest loss within a standard error of the highest accuracy on tune."""
        steps = self.config["finetuneSteps"]
        every = max(1, math.ceil(steps / FINETUNE_MARKS))
        images = len(self.parts["tune"][1])
        highest, best, kept = 0.0, (0.0, math.inf), None
        for begin in range(0, steps, every):
            count = min(every, steps - begin)
            self.train(network, optimizer, first + begin, count, lambda step: self.decay(begin + step), **arguments)
            accuracy, loss = self.evaluate(network, "tune")
            highest = max(highest, accuracy)
            lowest = highest - math.sqrt(highest * (1 - highest) / images)
            if accuracy >= lowest and (best[0] < lowest or loss < best[1]):
                best, kept = (accuracy, loss), save()
        return kept

    # ---- evaluation

    @torch.no_grad()
    def evaluate(self, network, part, limit=1.0, order=None):
        """Accuracy and mean loss over the images read: all of them, unless their error is above `limit` beyond doubt."""
        network.eval()
        right, images, loss = 0, 0, 0.0
        for index, (x, labels) in enumerate(self.evaluation_batches(part, order)):
            with self.autocast():
                logits = network(x).float()
            right += int((logits.argmax(1) == labels).sum())
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            images += len(labels)
            if limit < 1 and index % RACE_BATCHES == RACE_BATCHES - 1:
                error = (images - right + 1) / (images + 2)
                if error - RACE_DEVIATIONS * math.sqrt(error * (1 - error) / images) > limit:
                    break
        return right / images, loss / images

    @torch.no_grad()
    def refresh_statistics(self, network, norms):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        with self.autocast():
            for _, (images, _) in zip(range(BATCH_NORM_BATCHES), self.evaluation_batches("fit")):
                network(images)

    # ---- the algorithm (METHOD: Tung, Muralidharan, Mori, BMVC 2017)

    def slack(self, round_number):
        config = self.config
        first, last, rounds = max(config["initialSlack"], config["maxDrop"]), config["maxDrop"], config["rounds"]
        if rounds <= 1:
            return last
        fall = lambda t: math.exp(-0.5 * t)
        return last + (first - last) * (fall(round_number - 1) - fall(rounds - 1)) / (1 - fall(rounds - 1))

    def sizes(self):
        """Prunable weights, and parameters no mask touches."""
        prunable = {name: layer.weight.numel() for name, layer in self.model.network.prunable().items()}
        return prunable, sum(value.numel() for value in self.model.network.parameters()) - sum(prunable.values())

    def search_round(self, round_number, reference, incumbent):
        model, network = self.model, self.model.network
        limit = min(1.0, 1 - reference + self.slack(round_number))
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        statistics = copy.deepcopy([norm.state_dict() for norm in norms])
        momenta = [norm.momentum for norm in norms]
        prunable, fixed = self.sizes()
        layers = Layers(model.dense_weights())

        def score(thresholds):
            kept = model.try_candidate(thresholds)
            network.eval()
            if norms:
                self.refresh_statistics(network, norms)
            accuracy, _ = self.evaluate(network, "tune", limit, self.search_order)
            model.end_candidate()
            return 1 - accuracy <= limit, (fixed + sum(kept.values())) / (fixed + sum(prunable.values()))

        best = search(layers, score, self.config["evaluations"], incumbent, self.random)
        for norm, state, momentum in zip(norms, statistics, momenta):
            norm.load_state_dict(state)
            norm.momentum = momentum
        if best is not None:
            model.commit(layers.thresholds(best))
        return incumbent if best is None else best

    def tune(self):
        kind = type(self.model)
        warm, momentum, compressed, compression = self.compress()
        # Its memory goes to the dense reference.
        self.model = None
        dense = self.train_dense(warm, momentum, kind)
        seconds = {**self.clock.seconds, "total": time.perf_counter() - STARTED}
        accuracy = {"dense": dense, "compressed": compressed}
        emit({"event": "done", "accuracy": accuracy, "compression": compression, "seconds": seconds, "peakRssBytes": peak_memory()})

    def compress(self):
        config, model, clock = self.config, self.model, self.clock
        network = model.network
        optimizer = self.optimizer(model.trained(), model.sgd)
        with clock.part("train"):
            self.warm_up(network, optimizer)
            reference, _ = self.evaluate(network, "tune")
            warm = copy.deepcopy(network.state_dict())
            momentum = copy.deepcopy(optimizer.state_dict())
        progress(f"warm-up: {reference:.1%}")
        incumbent, step = None, config["warmupSteps"]
        for round_number in range(1, config["rounds"] + 1):
            with clock.part("search"):
                incumbent = self.search_round(round_number, reference, incumbent)

            def surgery(at):
                probability = 1 / (1 + SURGERY_GAMMA * (at - config["warmupSteps"]))
                model.after_step(lambda name: self.random.random() < probability)

            with clock.part("train"):
                self.train(network, optimizer, step, config["roundSteps"], lambda _: 1, model.before_step, surgery)
                step += config["roundSteps"]
                accuracy, _ = self.evaluate(network, "tune")
            progress(f"round {round_number} of {config['rounds']}: {self.compression(model.kept()):.2f}x, {accuracy:.1%}")
        with clock.part("train"):
            frozen = {"before": model.before_step, "after": lambda _: model.after_step(lambda name: False)}
            model.restore(self.finetune(network, optimizer, step, model.state, **frozen))
        compressed, compression = self.test_compressed()
        progress(f"fine-tuned: {compression:.2f}x, {compressed:.1%} on the test images")
        return warm, momentum, compressed, compression

    def compression(self, kept):
        prunable, fixed = self.sizes()
        return (fixed + sum(prunable.values())) / (fixed + sum(kept.values()))

    def test_compressed(self):
        """What counts is W o T itself: a plain network is given it, and its non-zeros are counted."""
        network = SpecNetwork(self.spec)
        network.load_state_dict(self.model.compressed())
        network.to(self.device, memory_format=self.model.layout)
        kept = {name: int(torch.count_nonzero(layer.weight)) for name, layer in network.prunable().items()}
        return self.evaluate(network, "test")[0], self.compression(kept)

    def train_dense(self, weights, momentum, kind):
        """The same steps, images and learning rates, without pruning."""
        config = self.config
        with self.clock.part("train"):
            network = SpecNetwork(self.spec)
            network.load_state_dict(weights)
            network.to(self.device, memory_format=kind.layout)
            optimizer = self.optimizer(dict(network.named_parameters()), kind.sgd)
            optimizer.load_state_dict(momentum)
            steps = config["rounds"] * config["roundSteps"]
            self.train(network, optimizer, config["warmupSteps"], steps, lambda _: 1)
            save = lambda: copy.deepcopy(network.state_dict())
            network.load_state_dict(self.finetune(network, optimizer, config["warmupSteps"] + steps, save))
        return self.evaluate(network, "test")[0]


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        Run(json.load(file)).tune()
    # Without waiting for the threads that make batches.
    sys.stdout.flush()
    os._exit(0)
