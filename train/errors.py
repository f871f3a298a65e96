"""Why training stopped, in words for the person who has to mend it."""

from __future__ import annotations


class TrainError(Exception):
    """Training cannot start or go on; says what to do."""


class CheckpointError(TrainError):
    """No checkpoint can be used, or none can be written; names the folder and the damage."""


class NonFiniteLossError(TrainError):
    """The loss or the gradient is no longer a number; names the step and the last good checkpoint."""


class StoppedError(TrainError):
    """Stopped by a signal after a checkpoint was written; running again resumes."""

    def __init__(self, signal_number: int, step: int) -> None:
        super().__init__(
            f"stopped by signal {signal_number} at step {step}, checkpoint written; run again to resume"
        )
        self.signal_number = signal_number
        self.step = step
