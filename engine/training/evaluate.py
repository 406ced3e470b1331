"""What a model scores on a split, in float32."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.func import vmap

from engine.training.forward import NotFiniteError, all_finite, check_finite, evaluating, logits_of, where_it_began
from engine.training.objective import Objective, Score
from engine.training.prefix import Call
from engine.training.samples import Batch, Samples
from engine.training.spread import settle
from engine.training.variants import Variants

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
    on_cpu = torch.device(device).type == "cpu"

    def planned() -> Iterator[Batch]:
        return samples.batches(batch_size, within_cache=on_cpu)

    def each() -> Iterator[tuple[Tensor, Batch]]:
        for number, batch in enumerate(planned()):
            yield logits_of(model, batch.inputs) if call is None else call(number, batch.inputs), batch

    settle(model, device)
    with evaluating(model):
        outcomes, loss, finite = _judged(each(), len(samples), objective.judged, progress)
        if not bool(finite):
            raise NotFiniteError(_not_finite(model, planned()))
    return objective.score(outcomes, float(loss))


def evaluate_variants(
    variants: Variants, samples: Samples, objective: Objective, *, batch_size: int, progress: Progress | None = None
) -> list[Score | None]:
    """What `evaluate` gives for each of them, up to the rounding of float32 sums; they are where the samples are.

    None of one whose outputs or loss are NaN or infinite. Raises ForwardError like `evaluate`.
    """
    judged = vmap(objective.judged, in_dims=(0, None))
    batches = samples.batches(batch_size)
    with evaluating(variants):
        every = ((logits_of(variants, batch.inputs), batch) for batch in batches)
        outcomes, losses, finite = _judged(every, len(samples), judged, progress)
    measured = zip(outcomes, losses.tolist(), finite.tolist(), strict=True)
    return [objective.score(own, loss) if whole else None for own, loss, whole in measured]


def _judged(
    batches: Iterable[tuple[Tensor, Batch]],
    total: int,
    judged: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    progress: Progress | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of batches with their logits: outcomes `[total]` in the order of the samples, the mean loss `[]` (float64), and
    whether all was finite `[]`; of variants each has a first dimension more.

    Nothing is read before the end: a look at each batch would hold up a GPU.
    """
    found: list[tuple[Tensor, Tensor]] = []  # indices and outcomes
    loss: Tensor | float = 0.0
    finite: Tensor | bool = True
    done = 0
    for logits, batch in batches:
        values = logits.float()
        del logits  # a language model's are large: not beside the next ones
        lost, outcomes = judged(values, batch.labels)
        finite = all_finite(values, each=lost.ndim == 1) & finite
        loss = lost.double() + loss
        found.append((batch.indices, outcomes))
        done += len(batch.labels)
        del values
        if progress is not None:
            progress(done, total, "evaluating")
    indices, outcomes = (torch.cat(parts, -1) for parts in zip(*found, strict=True))
    ordered = torch.empty_like(outcomes)
    ordered[..., indices] = outcomes
    mean = torch.as_tensor(loss) / total
    return ordered, mean, torch.isfinite(mean) & finite


def _not_finite(model: nn.Module, some: Iterable[Batch]) -> str:
    """The sentence for a model whose outputs are no numbers on one of these batches."""
    for batch in some:
        if not bool(all_finite(logits_of(model, batch.inputs))):
            return f"the model's outputs are not finite: {where_it_began(model, batch.inputs)}."
    return "the loss is not finite although every output is: the outputs are too large for it."
