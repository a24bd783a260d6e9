"""The commands: the command line imports the one that it runs, by name."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = collect_submodules("tryconnect.cli")
