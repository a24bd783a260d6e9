"""What is imported by compiled modules (pycares and ada-url are made with cffi), or by name."""

from PyInstaller.utils.hooks import can_import_module

BY_NAME = ("brotli", "brotlicffi", "compression.zstd", "backports.zstd")

hiddenimports = ["_cffi_backend", *filter(can_import_module, BY_NAME)]
