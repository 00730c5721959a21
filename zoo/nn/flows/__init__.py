"""Conditional normalizing flows: Keras layers own the weights, the bijections are stateless."""

from zoo.nn.flows.flow import KINDS, ConditionalFlow
from zoo.nn.flows.signatures import flow_signatures

__all__ = ["KINDS", "ConditionalFlow", "flow_signatures"]
