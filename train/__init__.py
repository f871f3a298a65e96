"""What learns: settings and plan (no torch), model, loop, checkpoints, annealing, evaluation, export.

Reads token shards through `mixes` and knows nothing of where they came from. torch is imported inside the modules that
compute; `config`, `plan` and `schedule` start without it.
"""
