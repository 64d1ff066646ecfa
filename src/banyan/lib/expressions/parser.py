"""From text to tree: a tokenizer and a Pratt parser; full-width signs of a Chinese keyboard are read too."""

import re
from decimal import Decimal
from typing import NamedTuple

from banyan.lib.expressions import numbers
from banyan.lib.expressions.faults import fault
from banyan.lib.expressions.nodes import Binary, Call, Listed, Literal, Logic, Name, Node, Type, Unary

LONGEST = 2_000
DEEPEST = 50

_HALF_WIDTH = {0xFF01 + step: 0x21 + step for step in range(94)} | {0x3000: 0x20}
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|“((?:[^”\\]|\\.)*)”', re.DOTALL)
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)"
    r"|(?P<sign><=|>=|==|!=|<>|[-+*/%=<>()\[\],≤≥≠×÷−])"
)
_SIGNS = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/", "−": "-"}
_WORDS = {"and", "or", "not", "in"}
_CONSTANTS = {"true": (Type.BOOL, True), "false": (Type.BOOL, False), "null": (Type.NULL, None)}
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\", '\\"': '"', "\\'": "'"}
_COMPARISONS = {"=", "!=", "<", "<=", ">", ">=", "in"}
_BINDING = (
    {"or": 10, "and": 20, "not": 40}
    | dict.fromkeys(_COMPARISONS, 40)
    | {"+": 50, "-": 50, "*": 60, "/": 60, "%": 60}
)
_NOT_BINDING, _MINUS_BINDING = 30, 70


class Token(NamedTuple):
    """kind is "number", "text", "name", "end", or the sign or word itself."""

    kind: str
    text: str
    at: int


def parsed(text: str) -> Node:
    """Give the tree of a text, names and types not yet looked at.

    Raises: ExpressionFault
    """
    if len(text) > LONGEST:
        raise fault("too_long", LONGEST, most=LONGEST)
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[Token]:
    plain = text.translate(_HALF_WIDTH)
    tokens: list[Token] = []
    at = 0
    token: Token | None
    while at < len(text):
        if text[at] in "\"'“":
            token, at = _text_token(text, at)
        else:
            token, at = _token(plain, at)
        if token:
            tokens.append(token)
    return [*tokens, Token("end", "", len(text))]


def _text_token(text: str, at: int) -> tuple[Token, int]:
    found = _TEXT.match(text, at)
    if not found:
        raise fault("unclosed_text", at)
    inner = next(group for group in found.groups() if group is not None)

    def unescaped(escape: re.Match[str]) -> str:
        if escape.group() not in _ESCAPES:
            raise fault("unknown_escape", at + 1 + escape.start(), escape=escape.group())
        return _ESCAPES[escape.group()]

    return Token("text", re.sub(r"\\.", unescaped, inner, flags=re.DOTALL), at), found.end()


def _token(plain: str, at: int) -> tuple[Token | None, int]:
    found = _TOKEN.match(plain, at)
    if not found:
        raise fault("unknown_character", at, character=plain[at])
    word = found.group()
    match found.lastgroup:
        case "space":
            return None, found.end()
        case "sign":
            return Token(_SIGNS.get(word, word), word, at), found.end()
        case "name" if word in _WORDS:
            return Token(word, word, at), found.end()
        case kind:
            return Token(str(kind), word, at), found.end()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.next = 0
        self.nesting = 0
        self.depths: dict[int, int] = {}
        self.made: list[Node] = []

    def whole(self) -> Node:
        node = self.expression(0)
        self.take("end")
        return node

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self, kind: str | None = None) -> Token:
        token = self.peek()
        if kind and token.kind != kind:
            raise self.unexpected(token)
        self.next += 1
        return token

    def unexpected(self, token: Token) -> Exception:
        if token.kind == "end":
            return fault("unexpected_end", token.at)
        return fault("unexpected", token.at, found=token.text)

    def kept(self, node: Node, *parts: Node) -> Node:
        """Note how deep the node is; a chain such as 1 + 1 + … deepens it as brackets do."""
        depth = 1 + max((self.depths[id(part)] for part in parts), default=0)
        if depth > DEEPEST:
            raise fault("too_deep", node.at, most=DEEPEST)
        self.depths[id(node)] = depth
        self.made.append(node)  # kept alive, so that no other node gets its id
        return node

    def expression(self, binding: int) -> Node:
        """Give the longest expression whose operators bind tighter than binding."""
        self.nesting += 1
        if self.nesting > DEEPEST:
            raise fault("too_deep", self.peek().at, most=DEEPEST)
        node = self.prefix()
        while _BINDING.get(self.peek().kind, 0) > binding:
            node = self.infix(node)
        self.nesting -= 1
        return node

    def prefix(self) -> Node:
        token = self.take()
        match token.kind:
            case "number":
                return self.kept(Literal(token.at, Type.NUMBER, self.number(token)))
            case "text":
                return self.kept(Literal(token.at, Type.TEXT, token.text))
            case "name":
                return self.named(token)
            case "-":
                return self.unary(token, "-", _MINUS_BINDING)
            case "not":
                return self.unary(token, "not", _NOT_BINDING)
            case "(":
                node = self.expression(0)
                self.take(")")
                return node
            case "[":
                items = self.listed("]")
                return self.kept(Listed(token.at, items), *items)
        raise self.unexpected(token)

    def unary(self, token: Token, operator: str, binding: int) -> Node:
        operand = self.expression(binding)
        return self.kept(Unary(token.at, operator, operand), operand)

    def number(self, token: Token) -> Decimal:
        value = Decimal(token.text)
        if len(token.text.partition(".")[2]) > numbers.PLACES:
            raise fault("number_too_fine", token.at, places=numbers.PLACES)
        if value >= numbers.LIMIT:
            raise fault("number_too_large", token.at)
        return value

    def named(self, token: Token) -> Node:
        if self.peek().kind == "(":
            self.take()
            arguments = self.listed(")")
            return self.kept(Call(token.at, token.text, arguments), *arguments)
        if token.text in _CONSTANTS:
            return self.kept(Literal(token.at, *_CONSTANTS[token.text]))
        return self.kept(Name(token.at, token.text))

    def listed(self, closing: str) -> tuple[Node, ...]:
        """Give the expressions up to the closing sign, separated by commas."""
        items: list[Node] = []
        while self.peek().kind != closing:
            if items:
                self.take(",")
            items.append(self.expression(0))
        self.take(closing)
        return tuple(items)

    def infix(self, left: Node) -> Node:
        token = self.take()
        if token.kind in ("and", "or"):
            return self.logic(token, left)
        if token.kind == "not":
            inside = self.binary(Token("in", "in", self.take("in").at), left)
            return self.kept(Unary(token.at, "not", inside), inside)
        return self.binary(token, left)

    def logic(self, token: Token, left: Node) -> Node:
        operands = [left]
        binding = _BINDING[token.kind]
        operands.append(self.expression(binding))
        while self.peek().kind == token.kind:
            self.take()
            operands.append(self.expression(binding))
        return self.kept(Logic(token.at, token.kind, tuple(operands)), *operands)

    def binary(self, token: Token, left: Node) -> Node:
        right = self.expression(_BINDING[token.kind])
        following = self.peek()
        if token.kind in _COMPARISONS and _BINDING.get(following.kind) == _BINDING["="]:
            raise fault("chained_comparison", following.at)
        return self.kept(Binary(token.at, token.kind, left, right), left, right)
