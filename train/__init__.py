"""What learns: settings and plan (no torch), model, loop, checkpoints, annealing, evaluation, export.

Reads token shards through `mixes` and knows nothing of where they came from. torch is imported inside the modules that
compute; `config`, `plan` and `schedule` start without it.
"""

import os

# OpenMP threads wait for each other many times a step. By default they burn a core for milliseconds before they sleep;
# where another process wants that core, a step then takes ten times as long. 1,000 spins cost 8 % on idle cores and are
# twice as fast as 10,000 on cores that two others use. Read once, when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
