"""Who needs whom: low-level codes of a product structure, and the circle that makes them impossible."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


class CircleFound(ValueError):
    """The edges run in a circle; `path` shows one, its first node repeated at the end."""

    def __init__(self, path: tuple) -> None:
        super().__init__(" → ".join(str(node) for node in path))
        self.path = path


def topological_levels(edges: Iterable[tuple[Node, Node]]) -> dict[Node, int]:
    """Give each node its low-level code: the longest way down to it from any node that nothing needs.

    Takes:  (parent, child) pairs; repeated pairs do no harm
    Gives:  node → level, 0 for the tops, in rising order of level, so that every parent comes before
            each of its children
    Raises: CircleFound with the path
    """
    children, parents_left = _children_of(edges)
    ready = [node for node, count in parents_left.items() if not count]
    levels: dict[Node, int] = {}
    level = 0
    while ready:
        levels.update(dict.fromkeys(ready, level))
        below: list[Node] = []
        for node in ready:
            for child in children[node]:
                parents_left[child] -= 1
                if not parents_left[child]:
                    below.append(child)
        ready, level = below, level + 1
    if len(levels) < len(children):
        path = find_cycle((parent, child) for parent in children for child in children[parent])
        raise CircleFound(path or ())
    return levels


def find_cycle(edges: Iterable[tuple[Node, Node]]) -> tuple[Node, ...] | None:
    """Give one circle among (parent, child) pairs, its first node repeated at the end; None if there is none.

    The walk keeps its own stack, so a structure may be deeper than Python's recursion.
    """
    children, _ = _children_of(edges)
    done: set[Node] = set()
    for start in children:
        if start in done:
            continue
        path: dict[Node, None] = {start: None}
        open_children = [iter(children[start])]
        while path:
            child = next(open_children[-1], None)
            if child is None:
                open_children.pop()
                done.add(path.popitem()[0])
            elif child in path:
                way = list(path)
                return (*way[way.index(child) :], child)
            elif child not in done:
                path[child] = None
                open_children.append(iter(children[child]))
    return None


def _children_of(edges: Iterable[tuple[Node, Node]]) -> tuple[dict[Node, dict[Node, None]], dict[Node, int]]:
    """Give the children of every node, in the order given, and how many parents each node has."""
    children: dict[Node, dict[Node, None]] = {}
    parents: dict[Node, int] = {}
    for parent, child in edges:
        for node in (parent, child):
            children.setdefault(node, {})
            parents.setdefault(node, 0)
        if child not in children[parent]:
            children[parent][child] = None
            parents[child] += 1
    return children, parents
