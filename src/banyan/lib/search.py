"""Find text by any part of it, in any script, from the first character on.

A record stores `normalised(text)` and `search_tokens(text)`; the tokens go under a GIN index on text[].
A search asks `tokens @> query_tokens(term)`, which the index answers, and rechecks the few rows left by
looking for each of `words(term)` in the normalised text.

The tokens of a word are its characters, its pairs of neighbours, and its triples where all three are
narrow (Latin, Cyrillic, digits, signs): in Chinese a pair is rare enough, in "SO-2025-000123" it is not.
"""

import unicodedata

_DROPPED = {"Cf", "Cs"}  # invisible marks from copied text, and halves of characters
_WIDE = {"W", "F"}


def normalised(text: str) -> str:
    """Give the text as it is compared: width, case and compatibility forms made one, spaces single."""
    folded = "".join(map(_kept, text))
    # folding case can leave a form that compatibility mapping changes once more, and the reverse
    for _ in range(1 if folded.isascii() else 3):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(folded.split())


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category in _DROPPED:
        return ""
    return " " if category == "Cc" else character


def words(term: str) -> list[str]:
    """Give the words of a search term, normalised; each has to occur somewhere in the text."""
    return normalised(term).split(" ") if normalised(term) else []


def search_tokens(text: str) -> list[str]:
    """Give the tokens to store with a text, sorted, each once."""
    tokens: set[str] = set()
    for word in words(text):
        tokens.update(word)
        tokens.update(word[at : at + 2] for at in range(len(word) - 1))
        tokens.update(word[at : at + 3] for at in range(len(word) - 2) if _narrow(word[at : at + 3]))
    return sorted(tokens)


def query_tokens(term: str) -> list[str]:
    """Give the tokens that every text containing all words of the term is sure to hold.

    Gives:  the fewest that still say it all, sorted; none for an empty term, which every text contains
    """
    tokens: set[str] = set()
    for word in words(term):
        tokens.update(_query_tokens_of(word))
    return sorted(tokens)


def _query_tokens_of(word: str) -> set[str]:
    if len(word) == 1:
        return {word}
    triples = [at for at in range(len(word) - 2) if _narrow(word[at : at + 3])]
    covered = {at + step for at in triples for step in (0, 1)}
    pairs = {word[at : at + 2] for at in range(len(word) - 1) if at not in covered}
    return pairs | {word[at : at + 3] for at in triples}


def matches(text: str, term: str) -> bool:
    """Tell whether every word of the term occurs in the text, anywhere and in any order."""
    where = normalised(text)
    return all(word in where for word in words(term))


def _narrow(part: str) -> bool:
    return all(unicodedata.east_asian_width(character) not in _WIDE for character in part)
