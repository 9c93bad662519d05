"""Says whether this Python has what tune_baseline.py needs, and in which versions."""

import json

import numpy
import PIL
import torch

print(json.dumps({"torch": torch.__version__, "numpy": numpy.__version__, "pillow": PIL.__version__}), flush=True)
