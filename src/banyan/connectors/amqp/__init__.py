"""AMQP 0-9-1: RabbitMQ and what speaks like it (README.md)."""
