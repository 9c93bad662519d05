"""Images of a run: decoded once to uint8 in memory, varied anew for every training batch on threads ahead of the training."""

import collections
import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy
import torch
from PIL import Image, ImageOps

AREA, ASPECT = (0.4, 1.0), (3 / 4, 4 / 3)
BATCHES_AHEAD = 3


def decode(path, spec):
    """torchvision's Resize and CenterCrop to `resize`: uint8 [resize, resize, channels]."""
    size = spec["input"]["resize"]
    image = ImageOps.exif_transpose(Image.open(path)).convert("L" if spec["input"]["channels"] == 1 else "RGB")
    width, height = image.size
    short = min(width, height)
    image = image.resize((size * width // short, size * height // short), Image.Resampling.BILINEAR)
    left, top = (round((extent - size) / 2) for extent in image.size)
    pixels = numpy.asarray(image.crop((left, top, left + size, top + size)))
    return pixels.reshape(size, size, -1)


def decode_all(items, spec, threads):
    """Pixels [n, resize, resize, channels] and labels [n]. PIL decodes and resizes without Python's lock."""
    with ThreadPoolExecutor(threads) as pool:
        pixels = numpy.stack(list(pool.map(lambda item: decode(item["path"], spec), items)))
    return pixels, torch.tensor([item["label"] for item in items])


def draw_crop(height, width, random):
    """torchvision's RandomResizedCrop.get_params: (left, top, right, bottom)."""
    for _ in range(10):
        area = height * width * random.uniform(*AREA)
        aspect = math.exp(random.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = random.integers(height - h + 1), random.integers(width - w + 1)
            return left, top, left + w, top + h
    return 0, 0, width, height


class Preprocessing:
    def __init__(self, spec, kind, layout):
        given = spec["input"]
        self.size, self.kind, self.layout = given["size"], kind, layout
        self.flip_channels = given["channelOrder"] == "BGR"
        self.scale = given["scale"]
        self.mean = torch.tensor(given["mean"]).view(1, -1, 1, 1)
        self.deviation = torch.tensor(given["std"]).view(1, -1, 1, 1)

    def varied(self, pixels, random):
        """One image for training."""
        height, width = pixels.shape[:2]
        if self.kind == "resized-crop":
            box = draw_crop(height, width, random)
            image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
            piece = numpy.asarray(image.resize((self.size, self.size), Image.Resampling.BILINEAR, box=box))
            piece = piece.reshape(self.size, self.size, -1)
        elif self.kind == "crop":
            top, left = random.integers(height - self.size + 1), random.integers(width - self.size + 1)
            piece = pixels[top : top + self.size, left : left + self.size]
        else:
            return self.centred(pixels[None])[0]
        return piece[:, ::-1] if random.random() < 0.5 else piece

    def centred(self, pixels):
        top, left = (round((extent - self.size) / 2) for extent in pixels.shape[1:3])
        return pixels[:, top : top + self.size, left : left + self.size]

    def tensor(self, pixels):
        """uint8 [n, size, size, c] to the network's input."""
        x = torch.from_numpy(numpy.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
        if self.flip_channels:
            x = x.flip(1)
        x = (x.float() * self.scale - self.mean) / self.deviation
        return x.contiguous(memory_format=self.layout)


@functools.lru_cache(maxsize=2)
def order_of_epoch(seed, epoch, count):
    """Kept: drawn anew for every sample it would cost more than the sample itself, the more so the more images there are."""
    return numpy.random.default_rng([seed, 2, epoch]).permutation(count)


class TrainingBatches:
    """An endless list of positions, a new permutation an epoch; step s takes the batch at s wherever training starts."""

    def __init__(self, pixels, labels, preprocessing, batch, seed, threads):
        self.pixels, self.labels, self.preprocessing = pixels, labels, preprocessing
        self.batch, self.seed = batch, seed
        self.pool = ThreadPoolExecutor(threads)

    def make(self, step):
        random = numpy.random.default_rng([self.seed, 1, step])
        samples = [self.sample(position) for position in range(step * self.batch, (step + 1) * self.batch)]
        pixels = numpy.stack([self.preprocessing.varied(self.pixels[sample], random) for sample in samples])
        return self.preprocessing.tensor(pixels), self.labels[samples]

    def sample(self, position):
        epoch, place = divmod(position, len(self.labels))
        return order_of_epoch(self.seed, epoch, len(self.labels))[place]

    def steps(self, first, count):
        """Batches of steps first .. first + count - 1, made ahead."""
        waiting = collections.deque()
        next_step = first
        for _ in range(count):
            while next_step < first + count and len(waiting) < BATCHES_AHEAD:
                waiting.append(self.pool.submit(self.make, next_step))
                next_step += 1
            yield waiting.popleft().result()


def evaluation_batches(pixels, labels, preprocessing, batch, order=None):
    """In the given order of positions, or as they lie; only a batch is ever copied."""
    for first in range(0, len(labels), batch):
        places = slice(first, first + batch) if order is None else order[first : first + batch]
        yield preprocessing.tensor(preprocessing.centred(pixels[places])), labels[places]
