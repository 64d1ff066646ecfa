"""The front: pages for people, the REST interface for programs."""
