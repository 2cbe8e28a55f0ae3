"""What a training does, in numbers; the same recipe on the same rows gives the same adapter."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """LoRA on every linear layer. The rate depends on the step alone: warm-up, then linear decay to a tenth."""

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 6e-4
    warmup: int = 5
    steps: int = 90
    rows_per_step: int = 6
    max_tokens: int = 320
    clip: float = 1.0
    seed: int = 0
    checkpoint_every: int = 10
    heldout_rows: int = 16  # watched while training; the evaluation takes all

    @property
    def hash(self) -> str:
        """What decides the result; how often it is saved does not."""
        decisive = {
            name: value for name, value in asdict(self).items() if name not in ("checkpoint_every", "heldout_rows")
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def rate(self, step: int) -> float:
        """For step 1 to `steps`."""
        decay = 1 - 0.9 * (step - 1) / max(1, self.steps)
        return self.learning_rate * min(1.0, step / max(1, self.warmup)) * max(0.1, decay)
