"""Asks OpenVINO which devices this machine has."""

__all__ = ["list_devices"]


def list_devices() -> list[str]:
    """List the names of the devices that OpenVINO sees, such as CPU, GPU.0, NPU."""
    import openvino

    return list(openvino.Core().available_devices)
