"""Mail: sent by SMTP with attachments, taken by POP3 (README.md)."""
