"""The network under surgery, written in the idiom of PyTorch's users and tuned by hand, behind one face."""

import torch

from network import SpecNetwork
from surgery import LOWER, UPPER, MaskedConv2d, MaskedLinear, Shadows, new_mask, refresh_masks


class Idiomatic:
    """Masked layers that compute W * T in every forward; torch.optim.SGD as it comes."""

    layout = torch.contiguous_format
    sgd = {}

    def __init__(self, spec):
        self.network = SpecNetwork(spec, MaskedConv2d, MaskedLinear)
        self.thresholds = {}

    def ready(self):
        """Called when the weights are there."""

    def trained(self):
        """What the optimizer moves, by name."""
        return dict(self.network.named_parameters())

    def dense_weights(self):
        return {name: layer.weight.detach() for name, layer in self.network.prunable().items()}

    def before_step(self):
        pass

    def after_step(self, due):
        refresh_masks(self.network, self.thresholds, due)

    def commit(self, thresholds):
        self.thresholds = dict(thresholds)
        self.after_step(lambda name: True)

    @torch.no_grad()
    def try_candidate(self, thresholds):
        self.saved = {name: layer.mask for name, layer in self.network.prunable().items()}
        for name, layer in self.network.prunable().items():
            layer.mask = new_mask(layer.weight, layer.mask, thresholds[name])
        return self.kept()

    def end_candidate(self):
        for name, layer in self.network.prunable().items():
            layer.mask = self.saved[name]

    def kept(self):
        return {name: int(layer.mask.sum()) for name, layer in self.network.prunable().items()}

    def state(self):
        state = {name: value.clone() for name, value in self.network.state_dict().items()}
        return state, [layer.mask.clone() for layer in self.network.prunable().values()]

    def restore(self, saved):
        state, masks = saved
        self.network.load_state_dict(state)
        for layer, mask in zip(self.network.prunable().values(), masks):
            layer.mask = mask

    @torch.no_grad()
    def compressed(self):
        """The state dict with W o T in it."""
        state = dict(self.network.state_dict())
        for name, layer in self.network.prunable().items():
            state[name] = layer.weight * layer.mask
        return state


class Tuned:
    """Parameters hold W o T, shadows hold W; fused SGD, masks in place, channels_last."""

    layout = torch.channels_last
    sgd = {"fused": True}

    def __init__(self, spec):
        self.network = SpecNetwork(spec)

    def ready(self):
        self.network.to(memory_format=self.layout)
        self.held = Shadows(self.network, {})
        self.shadow_of = dict(zip(self.held.names, self.held.shadows))

    def trained(self):
        return {name: self.shadow_of.get(name, value) for name, value in self.network.named_parameters()}

    def dense_weights(self):
        return {name: shadow.detach() for name, shadow in self.shadow_of.items()}

    def before_step(self):
        self.held.gradients_to_shadows()

    def after_step(self, due):
        self.held.refresh(due)

    def commit(self, thresholds):
        self.held.set_thresholds(thresholds)

    @torch.no_grad()
    def try_candidate(self, thresholds):
        kept = {}
        for name, weight, shadow, mask in zip(self.held.names, self.held.weights, self.held.shadows, self.held.masks):
            magnitude = shadow.abs()
            candidate = (mask & (magnitude >= LOWER * thresholds[name])) | (magnitude >= UPPER * thresholds[name])
            torch.mul(shadow, candidate, out=weight)
            kept[name] = int(candidate.sum())
        return kept

    def end_candidate(self):
        self.held.refresh(lambda name: False)

    def kept(self):
        return {name: int(mask.sum()) for name, mask in zip(self.held.names, self.held.masks)}

    def state(self):
        """Frozen masks only: W o T is all that counts then."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def restore(self, saved):
        self.network.load_state_dict(saved)

    def compressed(self):
        return dict(self.network.state_dict())


MODELS = {"idiomatic": Idiomatic, "tuned": Tuned}
