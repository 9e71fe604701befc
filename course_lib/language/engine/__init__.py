"""Engine of the language branch: features of a whole catalogue, fast, resumable, and held equal to ``TextEncoder``."""

from course_lib.language.engine.backends import BACKENDS, export_onnx, load_backend, onnx_backend, quantise
from course_lib.language.engine.catalogue import extract_catalogue

__all__ = ["BACKENDS", "export_onnx", "extract_catalogue", "load_backend", "onnx_backend", "quantise"]
