"""A network built from models/NAME.json with torch.nn, for the PyTorch side of every benchmark and the demo's reference values.

Parameters carry the names of the checkpoints. Where torchvision would work in place (ReLU) or pass padding to the layer itself, so
does this: nothing is written more slowly than the published definitions have it.
"""

import torch
from torch import nn
from torch.nn import functional

# What may be overwritten by the ReLU behind it: their backward does not need their own result.
IN_PLACE_BEHIND = ("Conv", "Gemm", "BatchNormalization", "Add")


class SpecNetwork(nn.Module):
    """`conv` and `linear` make the prunable layers, so that masked ones can take their place."""

    def __init__(self, spec, conv=nn.Conv2d, linear=nn.Linear):
        super().__init__()
        self.spec = spec
        self.output = spec["output"]
        self.head = spec["head"]
        # Switched off where the numbers of two implementations are to be compared.
        self.dropout = True
        self.nodes = in_order(spec["nodes"])
        self.layers_by_node = {}
        self.released = last_uses(self.nodes, self.output)
        self.in_place = in_place_nodes(self.nodes)
        size = spec["input"]["size"]
        with torch.no_grad():
            self.build(torch.zeros(1, spec["input"]["channels"], size, size), conv, linear)

    def build(self, x, conv, linear):
        values = {"input": x}
        for node in self.nodes:
            a, first = node.get("attributes", {}), values[node["inputs"][0]]
            layer = None
            if node["op"] == "Conv":
                layer = conv(
                    first.shape[1],
                    a["out_channels"],
                    tuple(a["kernel_shape"]),
                    tuple(a.get("strides", (1, 1))),
                    (0, 0) if is_lopsided(a) else tuple(a.get("pads", (0, 0))[:2]),
                    tuple(a.get("dilations", (1, 1))),
                    a.get("group", 1),
                    bool(a.get("bias", 1)),
                )
            elif node["op"] == "Gemm":
                layer = linear(first.shape[1], a["out_features"], bool(a.get("bias", 1)))
            elif node["op"] == "BatchNormalization":
                layer = nn.BatchNorm2d(first.shape[1], a.get("epsilon", 1e-5), 1 - a.get("momentum", 0.9))
            if layer is not None:
                self.add_named(node["name"], layer)
                self.layers_by_node[node["name"]] = layer
            values[node["name"]] = self.run_node(node, [values[name] for name in node["inputs"]])

    def add_named(self, name, layer):
        owner = self
        *path, last = name.split(".")
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, nn.Module())
            owner = owner._modules[part]
        owner.add_module(last, layer)

    def prunable(self):
        """Layers whose weights can be pruned, by the name of the weight."""
        return {
            f"{name}.weight": layer
            for name, layer in self.layers_by_node.items()
            if isinstance(layer, (nn.Conv2d, nn.Linear))
        }

    def run_node(self, node, inputs):
        op, a, x = node["op"], node.get("attributes", {}), inputs[0]
        if op == "Conv" and is_lopsided(a):
            top, left, bottom, right = a["pads"]
            x = functional.pad(x, (left, right, top, bottom))
        if op in ("Conv", "Gemm", "BatchNormalization"):
            return self.layers_by_node[node["name"]](x)
        if op == "Relu":
            return functional.relu(x, inplace=node["name"] in self.in_place)
        if op == "Clip":
            return functional.hardtanh(x, a["min"], a["max"], inplace=node["name"] in self.in_place)
        if op in ("MaxPool", "AveragePool"):
            if is_lopsided(a):
                raise ValueError(f"node {node['name']}: PyTorch pools with equal padding on both sides only")
            window = (a["kernel_shape"], a.get("strides", [1, 1]), a.get("pads", [0, 0])[:2])
            ceil = bool(a.get("ceil_mode", 0))
            if op == "MaxPool":
                return functional.max_pool2d(x, *window, ceil_mode=ceil)
            return functional.avg_pool2d(x, *window, ceil, bool(a.get("count_include_pad", 0)))
        if op == "GlobalAveragePool":
            return functional.adaptive_avg_pool2d(x, 1)
        if op == "LRN":
            return functional.local_response_norm(x, a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0))
        if op == "Add":
            return inputs[0] + inputs[1]
        if op == "Concat":
            return torch.cat(inputs, 1)
        if op == "Flatten":
            return x.flatten(1)
        if op == "Dropout":
            return functional.dropout(x, a.get("ratio", 0.5), self.training and self.dropout)
        if op == "Softmax":
            return x.softmax(1)
        raise ValueError(f"node {node['name']}: unknown operator {op}")

    def forward(self, x):
        values = {"input": x}
        for node in self.nodes:
            values[node["name"]] = self.run_node(node, [values[name] for name in node["inputs"]])
            for name in self.released[node["name"]]:
                del values[name]
        return values[self.output]


def is_lopsided(attributes):
    pads = attributes.get("pads", [0, 0, 0, 0])
    return pads[:2] != pads[2:]


def in_order(nodes):
    """Every node after its inputs."""
    done, order, left = {"input"}, [], list(nodes)
    while left:
        ready = [node for node in left if all(name in done for name in node["inputs"])]
        if not ready:
            raise ValueError("the network has a cycle")
        order += ready
        done |= {node["name"] for node in ready}
        left = [node for node in left if node["name"] not in done]
    return order


def last_uses(nodes, output):
    """Values nobody needs any more after a node, so that evaluation does not hold on to all of them."""
    last = {}
    for node in nodes:
        for name in node["inputs"]:
            last[name] = node["name"]
    return {node["name"]: [name for name, user in last.items() if user == node["name"] and name != output] for node in nodes}


def in_place_nodes(nodes):
    """Activations that may write over their input: nobody else reads it."""
    by_name = {node["name"]: node for node in nodes}
    readers = {}
    for node in nodes:
        for name in node["inputs"]:
            readers[name] = readers.get(name, 0) + 1
    return {
        node["name"]
        for node in nodes
        if node["op"] in ("Relu", "Clip")
        and readers[node["inputs"][0]] == 1
        and by_name.get(node["inputs"][0], {"op": None})["op"] in IN_PLACE_BEHIND
    }
