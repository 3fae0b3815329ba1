"""Whether the installed libraries fit each other and what this distribution asks for."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from ovglm.doctor.check import Check

__all__ = ["check_libraries", "check_versions", "installed_versions"]

DISTRIBUTION = "ovglm"
RELEASE_LINE = ("openvino", "openvino-genai", "openvino-tokenizers")
RANGED = ("nncf", "tokenizers", "transformers")


def check_libraries() -> list[Check]:
    """Check this installation."""
    return check_versions(installed_versions(), requires(DISTRIBUTION) or ())


def installed_versions() -> dict[str, str | None]:
    """Give the version of each library that must fit; None for one that is absent."""
    return {name: _installed(name) for name in (*RELEASE_LINE, *RANGED)}


def check_versions(installed: Mapping[str, str | None], requirements: Sequence[str]) -> list[Check]:
    """Compare versions with each other, and with the requirements as pip would read them."""
    wanted = {one.name: one for one in map(Requirement, requirements) if not _is_extra(one)}
    checks = [_check_range(name, found, wanted.get(name)) for name, found in installed.items()]
    return [*checks, _check_release_line({name: installed.get(name) for name in RELEASE_LINE})]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _is_extra(requirement: Requirement) -> bool:
    """Tell whether a requirement is of an extra, or of another system."""
    return requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})


def _check_range(name: str, found: str | None, wanted: Requirement | None) -> Check:
    mend = f'pip install "{wanted or name}"'
    if found is None:
        return Check("libraries", name, "fail", "is not installed", mend=mend)
    if wanted is not None and not wanted.specifier.contains(found, prereleases=True):
        text = f"{found} is installed, and ovglm wants {wanted.specifier}"
        return Check("libraries", name, "fail", text, mend=mend)
    return Check("libraries", name, "ok", found)


def _check_release_line(versions: Mapping[str, str | None]) -> Check:
    """Require the same first two numbers: the three share an ABI within a release only."""
    lines = {name: ".".join(found.split(".")[:2]) for name, found in versions.items() if found}
    if len(set(lines.values())) == 1 and len(lines) == len(versions):
        line = next(iter(lines.values()))
        return Check("libraries", "release line", "ok", f"the OpenVINO libraries are all {line}")
    different = ", ".join(f"{name} {versions[name] or 'absent'}" for name in versions)
    return Check(
        "libraries",
        "release line",
        "fail",
        f"the OpenVINO libraries must be of one release: {different}",
        mend="pip install --upgrade --force-reinstall ovglm",
    )
