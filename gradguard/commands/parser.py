"""A parser of command lines that says in one line what is wrong, and what may have been meant."""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn, cast

__all__ = ["Parser", "nearest"]

_CHOICE = re.compile(r"(.*invalid choice: )'(.*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """Without the usage in front of an error: it hides the one line that tells."""

    def error(self, message: str) -> NoReturn:
        if match := _CHOICE.fullmatch(message):
            choices = re.findall(r"[\w-]+", match[3])
            message = f"{match[1]}'{match[2]}' ({nearest(match[2], choices) or 'choose from ' + ', '.join(choices)})"
        hint = "" if message.endswith(")") else f" (see `{self.prog} --help`)"
        self.exit(2, f"{self.prog}: error: {message}{hint}\n")

    @property
    def commands(self) -> dict[str, Parser]:
        """The parsers of its commands, by name."""
        choices = next((action.choices for action in self._actions if action.dest == "command"), None)
        return dict(cast("dict[str, Parser]", choices or {}))

    @property
    def options(self) -> list[str]:
        return [option for option in self._option_string_actions if option.startswith("--")]

    def reject(self, arguments: Sequence[str]) -> NoReturn:
        """Options that there are none of."""
        name = arguments[0].partition("=")[0]
        hint = nearest(name, self.options)
        self.error(f"unknown {'option' if name.startswith('-') else 'argument'}: {name}{f' ({hint})' if hint else ''}")

    def command(self, name: str, commands: Iterable[str]) -> None:
        """Whether there is such a command."""
        commands = list(commands)
        if name in commands:
            return
        hint = nearest(name, commands)
        if not hint and (os.path.exists(name) or name.endswith((".py", ".ipynb"))):
            hint = f"did you mean `{self.prog} check {name}`?"
        self.error(f"unknown command: {name} ({hint or 'the commands are ' + ', '.join(commands)})")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after what may have been meant; nothing if no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
