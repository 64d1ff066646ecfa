"""JSON over HTTP, described as data: operations, paging, watermark, signing (README.md)."""
