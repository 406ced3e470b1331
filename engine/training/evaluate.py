"""What a model scores on a split, in float32."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from engine.training.forward import NotFiniteError, all_finite, check_finite, logits_of, where_it_began
from engine.training.objective import Objective, Score
from engine.training.prefix import Call
from engine.training.samples import Batch, Samples
from engine.training.spread import settle

Progress = Callable[[float, float, str], None]


def evaluate(
    model: nn.Module,
    samples: Samples,
    objective: Objective,
    *,
    batch_size: int,
    device: str | torch.device,
    progress: Progress | None = None,
    call: Call | None = None,
) -> Score:
    """Run the model over every sample once, in evaluation mode and without gradients; its mode is restored.

    It is moved to the device; of a model that is spread over several this is the first.

    Batches hold at most `batch_size` samples, on the CPU fewer where they are long. A sample's outcome does not depend
    on its batch beyond the rounding of float32 sums. `call` gives the logits where they are had in another way than by
    the model's whole forward.

    Raises:
        NotFiniteError: a weight, an output or the loss is NaN or infinite, so that nothing was measured.
        ForwardError: the model's own code raised.
    """
    check_finite(model)
    samples = samples.to(device)
    found: list[tuple[Tensor, Tensor]] = []  # indices and outcomes
    loss = torch.zeros((), dtype=torch.float64, device=device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    on_cpu = torch.device(device).type == "cpu"
    was_training, done = model.training, 0

    def planned() -> Iterator[Batch]:
        return samples.batches(batch_size, within_cache=on_cpu)

    settle(model, device)
    model.eval()
    try:
        with torch.inference_mode():
            for number, batch in enumerate(planned()):
                logits = (logits_of(model, batch.inputs) if call is None else call(number, batch.inputs)).float()
                finite &= all_finite(logits)
                lost, outcomes = objective.judged(logits, batch.labels)
                found.append((batch.indices, outcomes))
                loss += lost
                done += len(batch.labels)
                del logits  # a language model's are large: not beside the next ones
                if progress is not None:
                    progress(done, len(samples), "evaluating")
            if not bool(finite & torch.isfinite(loss)):  # looked at once: a look at each batch would hold up a GPU
                raise NotFiniteError(_not_finite(model, planned()))
    finally:
        model.train(was_training)
    indices, outcomes = (torch.cat(parts) for parts in zip(*found, strict=True))
    ordered = torch.empty_like(outcomes)
    ordered[indices] = outcomes
    return objective.score(ordered, float(loss) / len(samples))


def _not_finite(model: nn.Module, some: Iterable[Batch]) -> str:
    """The sentence for a model whose outputs are no numbers on one of these batches."""
    for batch in some:
        if not bool(all_finite(logits_of(model, batch.inputs))):
            return f"the model's outputs are not finite: {where_it_began(model, batch.inputs)}."
    return "the loss is not finite although every output is: the outputs are too large for it."
