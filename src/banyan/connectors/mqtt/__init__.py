"""MQTT: machines and gateways that tell by topic (README.md)."""
