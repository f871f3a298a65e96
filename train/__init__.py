"""What learns: settings and plan (no torch), model, loop, checkpoints, annealing, evaluation, export.

Reads token shards through `mixes` and knows nothing of where they came from. torch is imported inside the modules that
compute; `config`, `plan` and `schedule` start without it.
"""

import os

# OpenMP threads wait for each other many times a step. By default they burn a core for milliseconds before they sleep;
# where another process wants that core, a step then takes many times as long. Few spins cost a little on idle cores and
# save much on busy ones. Read once, when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
