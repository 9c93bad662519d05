"""Reads a model file: its description, and {name: (shape, float32 array)}. All of the format but the checksums."""
import array, io, json, math, struct
RATES, STARTS = [4] * 8 + [5] * 16 + [6] * 36 + [7], ([3, 8, 9, 5, 3, 2], [10, 14, 3], [17, 9], [25], [21, 5], [6, 20])
LEAST_MEANS = [i >> 1 if i < 4 else (2 | i & 1) << ((i >> 1) - 2) for i in range(52)]
def model(frequencies, seen=0): return [[sum(frequencies[:i]) for i in range(16)] + [32768], seen]
def geometric(m, seen=0, left=32640): return model([8 + left - (left := left - left * 16 // (16 + m)) for _ in range(16)], seen)
class Block:
    def __init__(self, data, states):
        self.data, self.word, self.bit = data, 4 * states, 8 * len(data)
        self.states = [*struct.unpack_from("<%dI" % states, data)]
    def symbol(self, model, state):
        (below, seen), x = model, self.states[state]
        s = max(i for i in range(16) if below[i] <= x & 32767)
        x = (below[s + 1] - below[s]) * (x >> 15) + (x & 32767) - below[s]
        if x < 65536: x, self.word = x << 16 | int.from_bytes(self.data[self.word:self.word + 2], "little"), self.word + 2
        self.states[state], model[1] = x, min(60, seen + 1)
        below[:16] = [b + ((8 * i + (32640 if i > s else 0) - b) >> RATES[seen]) for i, b in enumerate(below[:16])]
        return s
    def bits(self, count):
        self.bit -= count
        bytes_around = self.data[self.bit >> 3:(self.bit + count + 7) >> 3]
        return int.from_bytes(bytes_around, "little") >> (self.bit & 7) & ((1 << count) - 1)
def gaps_and_values(block, flags, first, top, codebook):
    gaps = [geometric(max(1, (mean + mean // 4) >> max(0, mean.bit_length() - 6)), 24) for mean in LEAST_MEANS]
    levels, dropped = (STARTS[max(0, (flags >> 3) - 23)] + [1] * 8)[:8], flags >> 3 if flags < 192 else 0
    far_gap, mean, state = geometric(16), LEAST_MEANS[first % 52], 1
    kinds = [([model([2048] * 16) for _ in range(18)], geometric(16), model([512 * n for n in levels * 2])) for _ in "01"]
    while True:
        width, shift = mean.bit_length(), max(0, mean.bit_length() - 6)
        gap = 0 if first == 52 else block.symbol(gaps[2 * width + (mean >> (width - 2) & 1 if width > 1 else 0)], 0)
        if gap == 15: gap += (4 ** (digits := block.symbol(far_gap, 0)) - 1) // 3 + block.bits(2 * digits)
        yield (gap := gap << shift | block.bits(shift) if first < 52 else 0); mean += (16 * min(gap, 1 << 20) - mean) >> 3
        (zero, upper, *lower), far_level, head = kinds[state := flags & 1 & (first < 52 or 1 - state)]
        high = block.symbol(upper, state) if len(codebook) > 16 else 0
        if codebook: yield codebook[high << 4 | block.symbol(lower[high], state)]; continue
        sign, level = divmod(block.symbol(head, state), 8)
        level += block.symbol(far_level, state) if level == 7 else 0
        e = block.symbol(upper, state) << 4 | block.symbol(lower[0], state) if level == 22 else (top - level) & 255
        yield sign << 31 | e << 23 | (block.bits(23 - dropped) << dropped if e or not block.symbol(zero, state) else 0)
def decode(file, length):
    (flags, first, top), classes = file.read(3), [0]
    codebook = struct.unpack("<%dI" % (top + 1), file.read(4 * top + 4)) if flags & 4 else ()
    varint = lambda: (b & 127 | varint() << 7) if (b := file.read(1)[0]) > 127 else b
    (size, width), models = (varint(), varint()) if flags & 2 else (length, 0), [model([2048] * 16) for _ in range(16)]
    block = Block(file.read(varint()) if width else bytes(4), 1)
    for _ in range(width): classes.append(block.symbol(models[classes[-1]], 0))
    dense, sizes = array.array("I", bytes(4 * length)), [varint() for _ in range((length - 1) // size)]
    for start, coded in zip(range(0, length, size), [*sizes, -1]):
        order = sorted(range(start, min(start + size, length)), key=lambda i: width and classes[1 + i % width])
        pairs, at = gaps_and_values(Block(file.read(coded), 1 + flags % 2), flags, first, top, codebook), 0
        while (at := at + next(pairs)) < len(order): dense[order[at]], at = next(pairs), at + 1
    return array.array("f", dense.tobytes())
def read_model(path):
    with open(path, "rb") as file: header, body = json.loads(file.read(*struct.unpack("<Q", file.read(8)))), file.read()
    description, tensors = json.loads(header.pop("__metadata__")["finepune"]), {}
    for name, entry in header.items():
        data, shape = body[slice(*entry["data_offsets"])], description["sparse"].get(name.removesuffix(".sparse"))
        dense = array.array("f", data) if shape is None else decode(io.BytesIO(data), math.prod(shape))
        tensors[name.removesuffix(".sparse") if shape else name] = (shape or entry["shape"], dense)
    return description, tensors
