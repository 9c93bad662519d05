"""Holds .onnx files to the ONNX specification: python check_onnx.py FILE...

Every operator's inputs and attributes at the model's opset, and the shapes that follow from them against those that the
model states. Needs the package `onnx`; raises where something is wrong.
"""
import sys

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    print(path, sorted(entry.key for entry in model.metadata_props))
