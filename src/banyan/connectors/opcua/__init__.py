"""OPC UA: machines' controllers, read, written and watched."""

from banyan.connectors.opcua.connector import OpcUa

__all__ = ["OpcUa"]
