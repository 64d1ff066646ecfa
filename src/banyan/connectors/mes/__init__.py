"""A generic MES: work orders go to it by SOAP, its reports come back by a queue (README.md)."""
