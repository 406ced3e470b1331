"""fp32: no quantisation."""

from torch import Tensor

from engine.formats.base import Format, Packed
from engine.formats.spec import Spec


class Float32(Format):
    """Values as they are."""

    spec = Spec("fp32")
    saturates = False

    @property
    def bits_per_element(self) -> float:
        """A float32's."""
        return 32.0

    def fake_quantize(self, x: Tensor, clip: bool = True) -> Tensor:
        """`x` itself."""
        return x.float()

    def pack(self, x: Tensor) -> Packed:
        """The float32 values themselves."""
        return Packed("fp32", tuple(x.shape), {"codes": x.detach().float().cpu().contiguous().clone()})

    def unpack(self, packed: Packed) -> Tensor:
        """The values again."""
        return packed.tensors["codes"].clone()

    def _composed(self, x: Tensor) -> Tensor:
        return x.clone()
