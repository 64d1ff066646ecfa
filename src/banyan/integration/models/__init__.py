"""Tables of the bus: systems, flows, messages."""

from banyan.integration.models.flows import Flow, FlowVersion, Position, Sample
from banyan.integration.models.installation import Installation
from banyan.integration.models.messages import Attempt, Hop, Message, Repair
from banyan.integration.models.systems import Gauge, Secret, System

__all__ = [
    "Attempt", "Flow", "FlowVersion", "Gauge", "Hop", "Installation", "Message", "Position", "Repair", "Sample",
    "Secret", "System",
]  # fmt: skip
