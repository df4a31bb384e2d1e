"""The conversion of one file: the parts that `unasync` leaves undone or gets wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import unasync
from tokenize_rt import src_to_tokens, tokens_to_src

WORD = re.compile(r"[^\W\d]\w*")
LITERAL = re.compile(r"\w*('''|\"\"\"|'|\")(?P<text>.*)\1", re.DOTALL)
PREFIX = re.compile(r"\A(_*)Async(?=[A-Z])")
ARTICLE = re.compile(r"\b([Aa])n(?=\s+[`*]*_*[Aa]sync\w)")
# The last three do not exist: unasync derives them from names of the standard library. A row of the
# configuration must say what is meant.
COLOURED = re.compile(
    r"""Async(?![a-z]) | Awaitable | Coroutine | (?<![A-Za-z])(
        [Aa]sync(io | hronous(ly)?)? | [Aa]wait(s | ed | ing | able)? | [Cc]oroutines?
        )(?![a-z])
    | \A( aiter | anext | aclose | aclosing | asend | athrow
        | isawaitable | iscoroutine | iscoroutinefunction
        | SyncContextManager | SyncExitStack | SyncMock
        )\Z""",
    re.VERBOSE,
)


@dataclass
class Rule:
    """The conversion of the files of one folder, and a record of the names found in them.

    Args:
        source: the folder of the sources, relative to the project, with forward slashes.
        twin: the folder of the twins, likewise.
        own_names: replacements for names and whole string literals, in this folder only.
        names: replacements in every folder; *own_names* take precedence.
        prose: regular expressions for docstrings and comments, with their replacements.
        seen: the names and string literals found in the sources so far.
        matched: the regular expressions that have matched so far.
    """

    source: str
    twin: str
    own_names: Mapping[str, str]
    names: Mapping[str, str]
    prose: Mapping[str, str]
    seen: set[str] = field(default_factory=set)
    matched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Build the table of names, including unasync's own."""
        self.table: dict[str, str] = self.for_unasync(Path()).token_replacements

    def for_unasync(self, root: Path) -> unasync.Rule:
        """Return the rule in the form of unasync, for a tree at `root`."""
        names = {**self.names, **self.own_names}
        return unasync.Rule(f"{root / self.source}/", f"{root / self.twin}/", names)

    def rename(self, name: str) -> str:
        """Return the name in the twin for `name`."""
        return self.table.get(name) or PREFIX.sub(r"\1Sync", name)

    def has_colour(self, word: str) -> bool:
        """Return whether `word`, a name or a word of prose, fits only the source."""
        return self.rename(word) != word or COLOURED.search(word) is not None

    def examine(self, text: str) -> Iterator[tuple[int, str]]:
        """Record the names of a source; yield line and reason of whatever unasync gets wrong.

        Raises:
            SyntaxError: the text is not Python.
        """
        fstrings = FStrings()
        fstrings.visit(ast.parse(text))
        for node in fstrings.found:
            for word in WORD.findall(ast.get_source_segment(text, node) or ""):
                if self.has_colour(word):
                    yield node.lineno, f"{word!r} within an f-string: move it out of the string"
        for token in src_to_tokens(text):
            if token.name in {"NAME", "STRING"}:
                self.seen.add(token.src if token.name == "NAME" else token.src[1:-1])

    def finish(self, text: str) -> str:
        """Convert the prose and the private classes in the output of unasync, which ignores them.

        Raises:
            SyntaxError: the text is not Python.
        """
        prose = prose_of(text)
        tokens = src_to_tokens(text)
        for index, token in enumerate(tokens):
            src = token.src
            if token.name == "COMMENT" or token.offset in prose:
                src = self.convert_prose(src)
            elif token.name == "NAME":
                src = PREFIX.sub(r"\1Sync", src)
            elif token.name == "STRING":
                src = src[0] + PREFIX.sub(r"\1Sync", src[1:-1]) + src[-1]
            tokens[index] = token._replace(src=src)
        finished: str = tokens_to_src(tokens)
        return finished

    def convert_prose(self, text: str) -> str:
        """Apply the rows for prose in order, then rename the remaining names."""
        text = ARTICLE.sub(r"\1", text)
        for pattern, replacement in self.prose.items():
            text, count = re.subn(pattern, replacement, text)
            if count:
                self.matched.add(pattern)
        return WORD.sub(lambda word: self.rename(word[0]), text)

    def left_overs(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield line and word of everything in a finished twin that fits only the source."""
        prose = prose_of(text)
        for token in src_to_tokens(text):
            if token.name in {"NAME", "COMMENT"} or token.offset in prose:
                fits_only_source: Callable[[str], object] = COLOURED.search
            elif token.name == "STRING" and not self.is_row(token.src):
                fits_only_source = self.has_colour
            else:
                continue
            for word in WORD.finditer(token.src):
                if fits_only_source(word[0]):
                    yield token.line + token.src.count("\n", 0, word.start()), word[0]

    def is_row(self, literal: str) -> bool:
        """Return whether a row of the configuration states this string literal for the twin."""
        content = LITERAL.fullmatch(literal)
        return content is not None and content["text"] in self.table.values()


class FStrings(ast.NodeVisitor):
    """Collects the outermost f-strings of a module."""

    def __init__(self) -> None:
        self.found: list[ast.JoinedStr] = []

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Record the node without visiting its children."""
        self.found.append(node)


def prose_of(text: str) -> set[tuple[int, int]]:
    """Return the positions of strings that are statements, as docstrings are.

    Raises:
        SyntaxError: the text is not Python.
    """
    return {
        (node.lineno, node.col_offset)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
