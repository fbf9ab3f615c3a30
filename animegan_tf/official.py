"""Import of the checkpoints that the authors' TensorFlow 1 code writes."""

from __future__ import annotations


def generator_variable_names() -> dict[str, str]:
    """Maps each generator weight, "layer/variable", to the authors' TensorFlow 1 name.

    129 entries, for example "b1_conv1/kernel" to "generator/G_MODEL/b1/Conv/weights".
    """
    names = {}

    def norm(layer, scope):
        for variable in ("beta", "gamma"):
            names[f"{layer}_norm/{variable}"] = f"generator/G_MODEL/{scope}/{variable}"

    def conv(layer, scope, norm_scope=None):
        names[f"{layer}/kernel"] = f"generator/G_MODEL/{scope}/weights"
        if norm_scope:
            norm(layer, norm_scope)

    def separable(layer, scope):
        scope_name = f"generator/G_MODEL/{scope}"
        names[f"{layer}_depthwise/depthwise_kernel"] = f"{scope_name}/depthwise_weights"
        names[f"{layer}_pointwise/kernel"] = f"{scope_name}/pointwise_weights"
        norm(layer, f"{scope}/InstanceNorm")

    conv("b1_conv1", "b1/Conv", "b1/InstanceNorm")
    conv("b1_conv2", "b1/Conv_1", "b1/InstanceNorm_1")
    separable("b1_down_strided", "b1/SeparableConv2d")
    separable("b1_down_resized", "b1/SeparableConv2d_1")

    conv("b2_conv", "b2/Conv", "b2/InstanceNorm")
    separable("b2_sep", "b2/SeparableConv2d")
    separable("b2_down_strided", "b2/SeparableConv2d_1")
    separable("b2_down_resized", "b2/SeparableConv2d_2")

    conv("m_conv1", "m/Conv", "m/InstanceNorm")
    for i in range(1, 9):
        scope = f"m/r{i}"
        conv(f"m_r{i}_expand", f"{scope}/Conv", f"{scope}/InstanceNorm")
        names[f"m_r{i}_depthwise/depthwise_kernel"] = f"generator/G_MODEL/{scope}/r{i}/w"
        norm(f"m_r{i}_depthwise", f"{scope}/1")
        conv(f"m_r{i}_project", f"{scope}/Conv_1", f"{scope}/2")
    conv("m_conv2", "m/Conv_1", "m/InstanceNorm_1")

    separable("u2_up", "u2/SeparableConv2d")
    separable("u2_sep", "u2/SeparableConv2d_1")
    conv("u2_conv", "u2/Conv", "u2/InstanceNorm")

    separable("u1_up", "u1/SeparableConv2d")
    conv("u1_conv1", "u1/Conv", "u1/InstanceNorm")
    conv("u1_conv2", "u1/Conv_1", "u1/InstanceNorm_1")
    conv("output_conv", "Conv")
    return names
