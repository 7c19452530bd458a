"""Imports: what is a library, and what is a file of the same project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradguard.static.values import External, Import, Value

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["canonical", "import_module", "import_name", "is_library", "resolve"]

_LIBRARIES = frozenset(
    "torch torchvision torchaudio torchtext numpy scipy pandas matplotlib sklearn tqdm os sys math random "
    "time json re copy "
    "functools itertools collections contextlib typing dataclasses pathlib argparse logging abc enum pickle warnings "
    "transformers datasets accelerate lightning pytorch_lightning deepspeed wandb tensorboardX PIL cv2 "
    "einops gym gymnasium "
    "apex timm hydra omegaconf yaml rich click absl __future__ subprocess shutil glob string inspect "
    "multiprocessing".split()
)
_ALIASES = (
    ("torch.nn.modules.", "torch.nn."),
    ("torch.cuda.amp.", "torch.amp."),
)


def canonical(path: str) -> str:
    for prefix, replacement in _ALIASES:
        if path.startswith(prefix):
            return replacement + path[len(prefix) :]
    return path


def is_library(dotted: str) -> bool:
    return dotted.split(".", 1)[0] in _LIBRARIES


def import_module(it: Interpreter, dotted: str, level: int) -> Value:
    """`import dotted`."""
    if level == 0 and is_library(dotted):
        return External(dotted)
    path = it.project.find(it.file, dotted, level)
    if path is not None:
        return Import(path, "", dotted, level, it.file)
    return External(("." * level) + dotted)


def import_name(it: Interpreter, dotted: str, level: int, name: str) -> Value:
    """`from dotted import name`."""
    if level == 0 and is_library(dotted):
        return External(canonical(f"{dotted}.{name}"))
    path = it.project.find(it.file, dotted, level)
    if path is not None:
        return Import(path, name, dotted, level, it.file)
    submodule = it.project.find(it.file, f"{dotted}.{name}" if dotted else name, level)
    if submodule is not None:
        return Import(submodule, "", dotted, level, it.file)
    return External(f"{'.' * level}{dotted}.{name}")


def resolve(it: Interpreter, value: Value, depth: int = 0) -> Value:
    """What an import of a file of the project stands for: its file is read now."""
    if not isinstance(value, Import):
        return value
    if value.target is None:
        value.target = _resolve(it, value, depth)
    return value.target


def _resolve(it: Interpreter, value: Import, depth: int) -> Value:
    file = it.project.load(value.path) if depth < 6 else None
    if file is None:
        return External(f"{'.' * value.level}{value.dotted}.{value.name}".rstrip("."))
    package = it.load(file)
    if not value.name:
        return package
    found = package.scope.variables.get(value.name)
    if found is not None:
        return resolve(it, found, depth + 1)
    submodule = it.project.find(
        value.importer, f"{value.dotted}.{value.name}" if value.dotted else value.name, value.level
    )
    if submodule is not None:
        return resolve(it, Import(submodule, "", value.dotted, value.level, value.importer), depth + 1)
    return External(f"{'.' * value.level}{value.dotted}.{value.name}")
