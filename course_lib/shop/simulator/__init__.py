"""The simulated shop: invented products and people with known truth, in English or 中文, deterministic in its seed."""

from course_lib.shop.simulator.build import simulate
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.truth import Truth

__all__ = ["simulate", "Parameters", "Truth"]
