"""Reads the index of a sharded checkpoint, which is a pickle, without running any code it may carry."""

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
    """Like its parent, but the index may name nothing but the plain data classes of such indexes."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """The index. Raises B4RError where it names anything else, or is damaged."""
        path = f"{self.path}/.metadata"
        try:
            with self.fs.create_stream(self.fs.concat_path(self.path, ".metadata"), "rb") as file:
                found = _Unpickler(file).load()
        except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, TypeError, ValueError) as error:
            raise B4RError(
                f"{path}: not an index of this program's checkpoints ({error}); delete its folder to begin anew"
            ) from error
        if not isinstance(found, Metadata):
            raise B4RError(f"{path}: holds no index of a checkpoint; delete its folder to begin anew")
        if found.storage_meta is not None:
            found.storage_meta.load_id = self.load_id
        return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _DATA_ONLY.get(module, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return super().find_class(module, name)
