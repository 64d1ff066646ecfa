"""AMQP 0-9-1: RabbitMQ and what speaks like it."""

from banyan.connectors.amqp.connector import Amqp

__all__ = ["Amqp"]
