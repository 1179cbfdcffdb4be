"""Which algorithm a GPU ran, from the names of its kernels; a pure function of text.

What moves data around a convolution (conversions of layout, fills, additions of partial sums) says nothing. A name that
fits no rule leaves the answer unknown: a wrong word would be judged by a wrong bound.
"""

import re

# The first rule that fits a name counts. The words are those of cuDNN, cuBLAS, CUTLASS, ATen, XLA and Inductor's
# Triton template, seen in public profiles; tests/unit/frameworks/test_kernel_names.py names its sources.
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), word)
    for pattern, word in (
        (r"winograd", "winograd"),
        (r"fft2d|regular_fft|vector_fft", "fft"),
        (r"explicit_convolve", "gemm"),
        (r"im2col|col2im", "unfolds"),
        (r"depthwise|grouped_direct", "direct"),
        (r"implicit_?(gemm|convolve)|precomputed_convolve|triton_tem_\w*conv", "implicit_gemm"),
        (r"scudnn|hcudnn|fprop|dgrad|wgrad|convolve_common_engine", "implicit_gemm"),
        (r"gemm|cublas|nvjet", "gemm"),
    )
)
# Around a convolution, whatever computes it; looked for before any template argument.
_BESIDE = re.compile(
    r"nchw(to|2)nhwc|nhwc(to|2)nchw|tensortransform|transpose|elementwise|memset|memcpy|fill|copy|scale\w*tensor"
    r"|addtensor|op_tensor|flip_filter|reduce_wgrad|splitk_?reduce|computeoffsets|compute_?gemm_?pointers|convert"
    r"|triton_(poi|red|per)_|loop_\w*fusion|wrapped_|input_\w*fusion",
    re.IGNORECASE,
)
# Kernels that are called so are told apart by their first template argument only.
_NAMED_INSIDE = re.compile(r"^(?:\w+::)*(?:device_)?kernel2?<([\w:]+)", re.IGNORECASE)
_MOST = 4


def resolved(names):
    """The resolved algorithm of the kernels of one call, None where they do not say, and their names, shortened."""
    names = list(dict.fromkeys(names))
    computing = [name for name in names if not _is_beside(name)]
    words = {_word(name) for name in computing}
    shown = list(dict.fromkeys(map(short, computing or names)))
    more = " + %d more" % (len(shown) - _MOST) if len(shown) > _MOST else ""
    return {
        "algorithm": _together(words),
        "name": (" + ".join(shown[:_MOST]) + more) or "unknown",
        "tile": None,
        "workspace_bytes": None,
    }


def short(name):
    """A kernel's name without its return type, template arguments and parameters."""
    text = _plain(name)
    inside = _NAMED_INSIDE.match(text)
    if inside:
        return inside.group(1)
    depth, kept = 0, []
    for letter in text:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "(" and not depth:
            break
        if not depth and letter != ">":
            kept.append(letter)
    return "".join(kept).strip() or name.strip()


def _plain(name):
    return re.sub(r"^void\s+", "", name.strip()).replace("(anonymous namespace)::", "")


def _is_beside(name):
    head = re.split("[<(]", _plain(name), maxsplit=1)[0]
    return bool(_BESIDE.search(head)) and not re.search(r"winograd|im2col|col2im", head, re.IGNORECASE)


def _word(name):
    return next((word for pattern, word in _RULES if pattern.search(name)), None)


def _together(words):
    """One word for all kernels: the product inside a transform, or behind an unfolding, belongs to it."""
    if None in words or not words:
        return None
    for whole in ("winograd", "fft"):
        if whole in words and words <= {whole, "gemm"}:
            return whole
    if words <= {"unfolds", "gemm"}:
        return "gemm" if "gemm" in words else None
    return next(iter(words)) if len(words) == 1 else None
