"""The ground floor: folders on a disk or an object store, publish-once files, digests, retries.

Imports nothing else of ours.
"""

from pipeline.store.digest import canonical, fingerprint, sha256_file
from pipeline.store.folder import CommitError, Folder, open_folder

__all__ = ["CommitError", "Folder", "canonical", "fingerprint", "open_folder", "sha256_file"]
