"""SOAP with a partner whose WSDL says what it can do (README.md)."""
