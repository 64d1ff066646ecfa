"""MQTT: machines and gateways that tell by topic."""

from banyan.connectors.mqtt.connector import Mqtt

__all__ = ["Mqtt"]
