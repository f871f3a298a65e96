"""Engines run shards: `local` on processes of this machine, `ray` as tasks of a cluster. Same stages, same bytes."""
