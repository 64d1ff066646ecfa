"""Files in folders, here and over SFTP: CSV, XLSX, XML, fixed width, JSON, EDI (README.md)."""
