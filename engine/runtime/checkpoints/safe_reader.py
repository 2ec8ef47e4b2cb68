"""Reads the index of a sharded checkpoint, which is a pickle, without running code that it may contain."""

from __future__ import annotations

import pickle
from typing import Any

from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata

from engine.contract.errors import B4RError

_DATA_ONLY = {
    "torch": (
        "Size",
        "device",
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "uint8",
        "bool",
    ),
    "torch.serialization": ("_get_layout",),
    "torch.distributed.checkpoint.metadata": (
        *("Metadata", "MetadataIndex", "StorageMeta", "TensorStorageMetadata", "TensorProperties"),
        *("ChunkStorageMetadata", "_MEM_FORMAT_ENCODING"),
    ),
    "torch.distributed.checkpoint.filesystem": ("_StorageInfo", "StorageMeta"),
    "pathlib": ("Path", "PosixPath", "PurePosixPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePosixPath"),
    "collections": ("OrderedDict",),
}


class SafeReader(FileSystemReader):
    """A FileSystemReader whose index may name only the plain data classes of such indexes."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Return the index. Raises B4RError if it names anything else, or is damaged."""
        path = f"{self.path}/.metadata"
        try:
            with self.fs.create_stream(self.fs.concat_path(self.path, ".metadata"), "rb") as file:
                metadata = _Unpickler(file).load()
        except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, TypeError, ValueError) as error:
            raise B4RError(
                f"{path}: not a checkpoint index of this program ({error}); delete its folder to restart from scratch"
            ) from error
        if not isinstance(metadata, Metadata):
            raise B4RError(f"{path}: not a checkpoint index; delete its folder to restart from scratch")
        if metadata.storage_meta is not None:
            metadata.storage_meta.load_id = self.load_id
        return metadata


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _DATA_ONLY.get(module, ()):
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which could run code")
        return super().find_class(module, name)
