"""A sub-command whose module is imported when it runs, so that `--help` beside it stays fast."""

import importlib

import click


class LazyCommand(click.Command):
    """Stands for the command `module`:`attribute`, by default its name, until it is called."""

    def __init__(self, name: str, module: str, summary: str, attribute: str | None = None) -> None:
        super().__init__(name, short_help=summary)
        self._module = module
        self._attribute = attribute or name

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """The context of the command itself, imported now."""
        command = getattr(importlib.import_module(self._module), self._attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self._module}:{self._attribute} is not a command")
        return command.make_context(info_name, args, parent, **extra)
