# SPDX-License-Identifier: Apache-2.0
"""The outside world of the demo: a server of advisories on loopback, in the public OSV layout."""

import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class AdvisoryServer:
    """Serves a folder over HTTP until it is closed."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


def publish(folders: list[Path], to: Path) -> int:
    """Packs folders of advisories (`<ecosystem>/<ID>.json`) as the public layout has them; returns how many.

    Args:
        folders: later ones win.
        to: where the layout is written.
    """
    records: dict[str, dict[str, Path]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.json")):
            if path.parent != folder:
                records.setdefault(path.parent.name, {})[path.name] = path
        for path in folder.iterdir():
            if path.is_file():
                to.mkdir(parents=True, exist_ok=True)
                (to / path.name).write_bytes(path.read_bytes())
    for ecosystem, files in records.items():
        target = to / ecosystem / "all.zip"
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in sorted(files.items()):
                archive.write(path, name)
    (to / "ecosystems.txt").write_text("".join(f"{name}\n" for name in sorted(records)))
    return sum(len(files) for files in records.values())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Says nothing: the timeline does."""
