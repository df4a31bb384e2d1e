"""How one text is converted: what `unasync` does not do, and what it must not be given."""

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
# The last three exist nowhere: unasync makes them of names in the standard library, for which a
# row of the configuration has to say what is meant.
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
    """How the files of one folder are converted, and what has been found in them.

    Args:
        source: the folder of the sources, relative to the project, with forward slashes.
        twin: the folder of the twins, likewise.
        own_names: replacements for names and whole string literals in this folder alone.
        names: replacements in every folder; those above win.
        prose: regular expressions for docstrings and comments, with their replacements.
        seen: the names and string literals of the sources so far.
        matched: those of the regular expressions that have matched so far.
    """

    source: str
    twin: str
    own_names: Mapping[str, str]
    names: Mapping[str, str]
    prose: Mapping[str, str]
    seen: set[str] = field(default_factory=set)
    matched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Complete the table of names by those that unasync brings along."""
        self.table: dict[str, str] = self.for_unasync(Path()).token_replacements

    def for_unasync(self, root: Path) -> unasync.Rule:
        """Return the rule as unasync wants it, for a tree at `root`."""
        names = {**self.names, **self.own_names}
        return unasync.Rule(f"{root / self.source}/", f"{root / self.twin}/", names)

    def rename(self, name: str) -> str:
        """Return what `name` is called in the twin."""
        return self.table.get(name) or PREFIX.sub(r"\1Sync", name)

    def has_colour(self, word: str) -> bool:
        """Tell whether `word`, a name or a word of prose, only fits the source."""
        return self.rename(word) != word or COLOURED.search(word) is not None

    def examine(self, text: str) -> Iterator[tuple[int, str]]:
        """Note what a source consists of; yield line and reason of what unasync gets wrong.

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
        """Convert what unasync has left alone in its output: prose and private classes.

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
        """Apply the rows for prose in their order, then rename what is still there to rename."""
        text = ARTICLE.sub(r"\1", text)
        for pattern, replacement in self.prose.items():
            text, count = re.subn(pattern, replacement, text)
            if count:
                self.matched.add(pattern)
        return WORD.sub(lambda word: self.rename(word[0]), text)

    def left_overs(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield line and word of what still only fits the source in a twin that is finished."""
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
        """Tell whether a row says that a string literal shall be what it is in the twin."""
        content = LITERAL.fullmatch(literal)
        return content is not None and content["text"] in self.table.values()


class FStrings(ast.NodeVisitor):
    """Find the outermost f-strings of a module."""

    def __init__(self) -> None:
        self.found: list[ast.JoinedStr] = []

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Remember the node, do not look inside."""
        self.found.append(node)


def prose_of(text: str) -> set[tuple[int, int]]:
    """Return where the strings begin that are statements of their own, as docstrings are.

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
