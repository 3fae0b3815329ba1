"""lm-evaluation-harness's own command line, with the model type `ovglm` added.

python -m ovglm.eval --model ovglm --model_args pretrained=DIR,device=CPU --tasks NAME
"""

from ovglm.errors import OvglmError
from ovglm.eval.tasks import require_harness


def main() -> None:
    """Register the model type and hand over."""
    try:
        require_harness()
        from lm_eval.__main__ import cli_evaluate
        from lm_eval.api.registry import model_registry

        if "ovglm" not in model_registry:
            model_registry.register("ovglm", target="ovglm.eval.harness:OvglmLM")
        cli_evaluate()
    except OvglmError as error:
        hint = f"\ntry: {error.hint}" if error.hint else ""
        raise SystemExit(f"ovglm: {error.message}{hint}") from None


if __name__ == "__main__":
    main()
