"""`cdjax completion`: what makes a shell complete the commands and their options."""

import argparse

from cdjax.cli.options import UserError

SHELLS = ("bash", "zsh", "tcsh")
FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
FOLDERS = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "tcsh": "d"}
PATHS = {"FILE": FILES, "PATH": FILES, "INPUT": FILES, "FILE.npz": FILES, "DIR": FOLDERS}
"""What is completed for the arguments that help calls so."""

_EPILOG = """\
bash:  cdjax completion bash > ~/.local/share/bash-completion/completions/cdjax
zsh:   cdjax completion zsh > ~/.zfunc/_cdjax     (with fpath+=~/.zfunc before compinit)
tcsh:  cdjax completion tcsh > ~/.cdjax.csh       (source it in ~/.tcshrc)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.description = "Print a script that makes a shell complete cdjax's commands and options."
    parser.epilog = _EPILOG
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(args: argparse.Namespace) -> None:
    """Print the script of a shell."""
    from cdjax.cli.parser import COMMANDS, make_parser

    try:
        import shtab
    except ImportError as error:
        raise UserError(
            "completion needs the package shtab: pip install 'cdjax[completion]'."
        ) from error
    parser = make_parser(COMMANDS)
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for command in commands.choices.values():
        for action in command._actions:
            if action.metavar in PATHS:
                action.complete = PATHS[action.metavar]
    print(shtab.complete(parser, args.shell))
