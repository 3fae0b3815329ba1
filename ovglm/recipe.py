"""How weights are stored in an exported model, and which devices accept that."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from ovglm.errors import RecipeError
from ovglm.quality import METHODS, Method, Quality, check_quality, name_quality

__all__ = [
    "DEVICES",
    "Backup",
    "HeadFormat",
    "MatrixFormat",
    "Recipe",
    "WeightFormat",
    "check_device",
    "illegal_on",
    "matrix_group_size",
]

WeightFormat = Literal["int4", "int8", "bf16"]
Backup = Literal["int8_asym", "int8_sym", "none"]
HeadFormat = Literal["int8", "int4"]
DEVICES = ("CPU", "GPU", "NPU")
# Below this a group's scale costs more than it saves; NNCF's own floor for adjusted groups.
SMALLEST_GROUP = 32


@dataclass(frozen=True)
class MatrixFormat:
    """How one matrix is stored: int4, int8 or float; group size -1 means one scale per row."""

    kind: Literal["int4", "int8", "float"]
    symmetric: bool = True
    group_size: int = -1

    def label(self, float_name: str = "float") -> str:
        """Name the format in the field's words: `int4 sym g128`, `int8 asym per channel`."""
        if self.kind == "float":
            return float_name
        group = "per channel" if self.group_size == -1 else f"g{self.group_size}"
        return f"{self.kind} {'sym' if self.symmetric else 'asym'} {group}"


@dataclass(frozen=True)
class Recipe:
    """The export's choices. The defaults are legal on CPU, GPU and NPU.

    ratio: the share of the layers' weights in INT4; the rest, the embedding and the head take the
    backup format. quality: fast looks at no text; the others fit INT4 to the calibration text, as
    methods do, which are NNCF's own. calibration: `builtin`, or a name of the user's text.
    Raises RecipeError where the choices contradict each other.
    """

    weights: WeightFormat = "int4"
    group_size: int = 128
    symmetric: bool = True
    ratio: float = 1.0
    backup: Backup = "int8_asym"
    lm_head: HeadFormat = "int8"
    quality: Quality = "fast"
    methods: tuple[Method, ...] = ()
    calibration: str = "builtin"
    samples: int = 32
    sample_length: int = 512

    def __post_init__(self) -> None:
        # JSON knows no tuples; and an order would make two names of one recipe.
        methods = tuple(one for one in METHODS if one in self.methods)
        check_quality(self.weights, self.quality, self.methods, self.samples, self.sample_length)
        object.__setattr__(self, "methods", methods)
        for field, kinds in (
            ("weights", WeightFormat),
            ("backup", Backup),
            ("lm_head", HeadFormat),
        ):
            if getattr(self, field) not in get_args(kinds):
                raise RecipeError(
                    f"{field} is {getattr(self, field)!r}, not one of {', '.join(get_args(kinds))}",
                    f"--{field.replace('_', '-')} {getattr(Recipe, field)} is the default",
                )
        if self.group_size != -1 and self.group_size < SMALLEST_GROUP:
            raise RecipeError(
                f"group size {self.group_size} is neither -1 (a row) nor {SMALLEST_GROUP} or more",
                "--group-size 128 runs on every device",
            )
        if not 0 < self.ratio <= 1:
            raise RecipeError(
                f"ratio {self.ratio} is not above 0 and up to 1",
                "--ratio 0.8 stores four fifths of the weights in INT4",
            )
        if not self.is_calibrated:
            self._refuse_text()
        if self.weights != "int4":
            self._refuse_int4_choices()
        elif self.ratio == 1 and self.backup != Recipe.backup:
            raise RecipeError(
                f"--backup {self.backup} has no meaning at ratio 1, where all layers are INT4",
                f"--ratio 0.8 --backup {self.backup}",
            )

    def _refuse_text(self) -> None:
        """Refuse choices of a text that nothing looks at."""
        for field in ("calibration", "samples", "sample_length"):
            if getattr(self, field) != getattr(Recipe, field):
                flag = "--" + field.replace("_", "-")
                raise RecipeError(
                    f"{flag} has no meaning with --quality fast, which looks at no text",
                    "--quality balanced",
                )

    def _refuse_int4_choices(self) -> None:
        """Refuse choices that only INT4 has."""
        for field in ("group_size", "ratio", "backup", "lm_head"):
            if getattr(self, field) != getattr(Recipe, field):
                flag = "--" + field.replace("_", "-")
                raise RecipeError(
                    f"{flag} {getattr(self, field)} has no meaning with --weights {self.weights}",
                    f"leave out {flag}, or use --weights int4",
                )
        if self.weights == "bf16" and not self.symmetric:
            raise RecipeError(
                "--asym has no meaning with --weights bf16",
                "leave out --asym, or use --weights int8",
            )

    @property
    def is_calibrated(self) -> bool:
        """Tell whether the export looks at text."""
        return self.quality != "fast" or bool(self.methods)

    @property
    def name(self) -> str:
        """Return a short name that is unique among recipes, for folders: `int4-g128`."""
        default = replace(Recipe(), weights=self.weights)
        parts: list[str] = [self.weights]
        if self.weights == "int4":
            parts.append("channel" if self.group_size == -1 else f"g{self.group_size}")
        parts += ["asym"] if not self.symmetric and self.weights != "bf16" else []
        parts += [f"r{self.ratio:g}"] if self.ratio < 1 else []
        parts += [self.backup.replace("_", "")] if self.backup != default.backup else []
        parts += ["head4"] if self.lm_head != default.lm_head else []
        text = (self.calibration, self.samples, self.sample_length)
        usual = (default.calibration, default.samples, default.sample_length)
        parts += name_quality(self.quality, self.methods, () if text == usual else text)
        return "-".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the choices as JSON-ready values."""
        return asdict(self)

    @property
    def head_format(self) -> MatrixFormat:
        """Return the format of lm_head, before its width is known."""
        if self.weights == "int4" and self.lm_head == "int4":
            return MatrixFormat("int4", self.symmetric, self.group_size)
        return self.embedding_format

    @property
    def embedding_format(self) -> MatrixFormat:
        """Return the format of the embedding: beside INT4 it is the backup's, as in NNCF."""
        return self.backup_format if self.weights == "int4" else self.layer_format

    @property
    def layer_format(self) -> MatrixFormat:
        """Return the first choice for the layers' matrices, before their width is known."""
        if self.weights == "bf16":
            return MatrixFormat("float")
        if self.weights == "int8":
            return MatrixFormat("int8", self.symmetric)
        return MatrixFormat("int4", self.symmetric, self.group_size)

    @property
    def backup_format(self) -> MatrixFormat:
        """Return the format of the matrices that the ratio keeps from INT4."""
        if self.backup == "none":
            return MatrixFormat("float")
        return MatrixFormat("int8", self.backup == "int8_sym")


def matrix_group_size(width: int, wanted: int) -> int:
    """Return the group size for a matrix of this width.

    It is the wanted one where that divides the width, else the largest power of two from
    32 up to the wanted one that does, else -1: one scale per row.
    """
    if wanted == -1 or width % wanted == 0:
        return wanted
    power = 1 << (wanted.bit_length() - 1)
    while power >= SMALLEST_GROUP:
        if width % power == 0:
            return power
        power //= 2
    return -1


def illegal_on(device: str, recipe: Recipe, group_sizes: set[int] | None = None) -> str:
    """Say why a device cannot run a recipe, or return an empty string.

    group_sizes: those really used, where a width forced another one than the recipe's.
    The NPU's rules: OpenVINO, "Inference with OpenVINO GenAI on NPU"; its compiler aborts the
    process on asymmetric groups (openvinotoolkit/openvino#34450), so they are checked here.
    """
    if device != "NPU":
        return ""
    if recipe.weights != "int4":
        return f"the NPU wants INT4 weights, not {recipe.weights}"
    if not recipe.symmetric:
        return "the NPU wants symmetric INT4; asymmetric groups abort its compiler"
    if recipe.ratio != 1.0:
        return f"the NPU wants every layer in INT4 (ratio 1.0, not {recipe.ratio:g})"
    if "lora_correction" in recipe.methods:
        return "the NPU wants INT4 weights only, without the INT8 adapters of LoRA correction"
    sizes = group_sizes if group_sizes is not None else {recipe.group_size}
    if odd := sorted(sizes - {128, -1}):
        return f"the NPU wants groups of 128 or one per channel (-1), not {odd[0]}"
    return ""


def check_device(device: str, recipe: Recipe, group_sizes: set[int] | None = None) -> None:
    """Raise RecipeError where the device cannot run the recipe."""
    if device != "ANY" and device not in DEVICES:
        raise RecipeError(f"no device is called {device}", f"one of {', '.join(DEVICES)}, ANY")
    if reason := illegal_on(device, recipe):
        raise RecipeError(
            reason, "--weights int4 --sym --group-size 128 --ratio 1.0 is legal on the NPU"
        )
    if reason := illegal_on(device, recipe, group_sizes):
        raise RecipeError(
            f"{reason}, as the width of a matrix forces here",
            "--group-size -1 is legal on the NPU for any width",
        )
