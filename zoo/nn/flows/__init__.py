"""Conditional normalizing flows: plain Keras layers own the weights, TFP does the bijections."""

from zoo.nn.flows.flow import KINDS, ConditionalFlow
from zoo.nn.flows.signatures import flow_signatures

__all__ = ["KINDS", "ConditionalFlow", "flow_signatures"]
