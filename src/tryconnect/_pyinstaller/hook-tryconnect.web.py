"""The files of the status page."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("tryconnect.web")
