"""EDI: X12 and EDIFACT interchanges, read and written with their envelopes checked.

`segments` cuts text into segments, `envelopes` checks what surrounds messages, `x12` and `edifact` know four messages
each, `receipts` makes 997 and CONTRL. A document has one JSON form whatever the standard (file/README.md).
"""
