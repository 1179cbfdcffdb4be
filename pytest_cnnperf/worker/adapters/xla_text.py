"""What a program compiled by XLA for the CPU runs, read from its text, as a word of ours."""

import re

_HEAD = re.compile(r"^(?:ENTRY )?%?([\w.-]+) .*\{$")
_OPERATION = re.compile(r" (convolution|dot)\(")
_YNNPACK = re.compile(r'calls=%?([\w.-]+),.*"__ynn_fusion"')
_LABELS = re.compile(r"dim_labels=([^,\s]+)")
_WINDOW = re.compile(r"window=\{([^}]*)\}")
# The orders that Eigen takes: 1 to 3 spatial dimensions between batch and channels, which XLA permutes to if need be.
_EIGEN_LABELS = ("b0f_0io->b0f", "b01f_01io->b01f", "b012f_012io->b012f")


def resolved(text):
    """The resolved algorithm of a compiled program; algorithm None when it runs several, or nothing that is known."""
    found = list(dict.fromkeys(_steps(text)))
    words = {word for word, _ in found}
    return {
        "algorithm": words.pop() if len(words) == 1 else None,
        "name": " + ".join(name for _, name in found) or "unknown",
        "tile": None,
        "workspace_bytes": None,
    }


def _steps(text):
    """Word and name of each convolution or matrix product, in order."""
    ynnpack, computation = set(_YNNPACK.findall(text)), None
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            computation = head.group(1)
        operation = _OPERATION.search(line)
        if operation and computation in ynnpack:
            # A stencilled view of the image, multiplied in place.
            # Source: ynn_define_stencil_copy and ynn_define_dot in XLA's xla/backends/cpu, DefineConvolutionOp.
            yield ("implicit_gemm" if operation.group(1) == "convolution" else "gemm"), "YNNPACK " + operation.group(1)
        elif operation:
            yield _convolution(line) if operation.group(1) == "convolution" else ("gemm", "XLA dot")


def _convolution(line):
    """What becomes of a convolution that XLA keeps to itself.

    Source: PotentiallyImplementedAsEigenConvolution in xla/service/cpu/ir_emission_utils.cc, CanUseCustomTransposedConv
    in xla/backends/cpu/runtime/convolution_thunk_internal.h.
    """
    labels, window = (match.group(1) if match else "" for match in (_LABELS.search(line), _WINDOW.search(line)))
    if labels not in _EIGEN_LABELS or "rhs_reversal" in window:
        return "direct", "XLA loops"
    grouped = "feature_group_count" in line
    if (
        labels == _EIGEN_LABELS[1]
        and "lhs_dilate" in window
        and not ("rhs_dilate" in window or "stride" in window or grouped)
    ):
        return "gemm", "Eigen GEMM and col2im"
    return "implicit_gemm", "Eigen contraction of image patches"
