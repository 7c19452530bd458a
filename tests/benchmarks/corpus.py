"""Download released packages and unpack their Python sources: the real code that the other benchmarks run over.

    python tests/benchmarks/corpus.py PACKAGES.tsv [--only NAME ...] [--cache FOLDER]

PACKAGES.tsv has a header line and at least the columns `name` and `version`. Each package lands in FOLDER/<name>/, its
`.py` and `.ipynb` files only. Packages are fetched one after another; what is there already is not fetched again.
Nothing is installed, and no dependency is fetched. A release without a wheel is taken as a source distribution, for
which pip runs the package's own build backend.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

SOURCES = {".py", ".ipynb"}


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gradguard" / "corpus"


def read_rows(table: Path) -> list[tuple[str, str]]:
    with table.open(encoding="utf-8", newline="") as stream:
        return [(row["name"], row["version"]) for row in csv.DictReader(stream, delimiter="\t")]


def download(name: str, version: str, folder: Path) -> Path:
    """The archive of one release: a wheel if there is one, else the source distribution."""
    reason = ""
    for choice in (["--only-binary=:all:"], ["--no-binary", name]):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *choice]
        command += ["--dest", str(folder), f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        archives = sorted(folder.iterdir()) if folder.is_dir() else []
        if done.returncode == 0 and archives:
            return archives[0]
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in errors if line.startswith("ERROR")), errors[-1] if errors else "nothing came")
    raise RuntimeError(reason)


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as bundle:
            for entry in bundle.infolist():
                if PurePosixPath(entry.filename).suffix in SOURCES:
                    yield entry.filename, bundle.read(entry)
    else:
        with tarfile.open(archive) as tarball:
            for member in tarball:
                stream = tarball.extractfile(member) if member.isfile() else None
                if stream is not None and PurePosixPath(member.name).suffix in SOURCES:
                    yield member.name, stream.read()


def unpack(archive: Path, target: Path) -> None:
    """Write the sources of `archive` to `target`, which appears only when it is complete."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as scratch:
        staged = Path(scratch) / target.name
        staged.mkdir()
        for name, content in members(archive):
            parts = PurePosixPath(name).parts
            if ".." in parts or PurePosixPath(name).is_absolute():
                raise RuntimeError(f"{archive.name} holds the path {name!r}, which leaves the folder")
            path = staged.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        staged.rename(target)


def fetch(name: str, version: str, target: Path) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise RuntimeError(f"{name!r} is no name of a package")
    with tempfile.TemporaryDirectory() as scratch:
        unpack(download(name, version, Path(scratch)), target)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("table", type=Path, metavar="PACKAGES.tsv")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="fetch only these of the table's packages"
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="FOLDER", help="default: %(default)s")
    args = parser.parse_args()

    rows = read_rows(args.table)
    unknown = set(args.only) - {name for name, _ in rows}
    if unknown:
        parser.error(f"not in {args.table}: {', '.join(sorted(unknown))}")
    args.cache.mkdir(parents=True, exist_ok=True)
    failed: list[tuple[str, str]] = []
    for name, version in rows:
        if args.only and name not in args.only:
            continue
        target = args.cache / name
        if not target.exists():
            try:
                fetch(name, version, target)
            except (RuntimeError, OSError, subprocess.TimeoutExpired, tarfile.TarError, zipfile.BadZipFile) as error:
                failed.append((name, str(error)))
                print(f"{name} {version}: failed", flush=True)
                continue
        count = sum(1 for path in target.rglob("*") if path.suffix in SOURCES)
        print(f"{name} {version}: {count} files", flush=True)
    for name, reason in failed:
        print(f"not fetched: {name}: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
