"""PyTorch: oneDNN, NNPACK and im2col on the CPU, cuDNN on a GPU; one pass at a time through the aten operators."""

import os

import numpy as np
import torch
from cnnperf_worker import peak
from cnnperf_worker.adapters import onednn_verbose, torch_cuda, transform_probe
from wire import NotOffered

_FORMATS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
_GRADIENT_OF = {"backward_data": 0, "backward_filter": 1}
_NNPACK_TILES = (8, 16)
_TYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_SWITCHES = ("benchmark", "compiled", "deterministic")


def _product(size):
    """A call that multiplies two square matrices of this size."""
    left = torch.full((size, size), 0.5)
    out = torch.empty_like(left)
    return lambda: torch.mm(left, left, out=out)


class Handle:
    """A prepared case: its operands in their layout, and the call that is timed."""

    def __init__(self, case, place):
        self.case = case
        self.place = place
        self.call = None
        self.operands = ()
        self.absent = ()
        self.result = None
        self.graphs = {}


class Adapter:
    """Backend flags are set in `prepare` and hold until the next one."""

    def __init__(self):
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        torch.set_grad_enabled(False)
        self.device = None
        self.cuda = torch_cuda.Cuda()
        self.device_control_version = self.cuda.control.version

    def info(self):
        libraries = {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version() or "")}
        # Both are linked into PyTorch, which tells them only in words.
        for name, words in (("onednn", "MKL-DNN v"), ("mkl", "Math Kernel Library Version ")):
            libraries[name] = torch.__config__.show().partition(words)[2].partition(" ")[0].partition("-")[0]
        return {
            "framework": "torch",
            "version": torch.__version__,
            "libraries": {name: version for name, version in libraries.items() if version},
        }

    def prepare(self, case, arrays):
        if case.workload != "convolution" or case.device_count != 1:
            raise NotOffered(
                "torch: convolutions on one device only, got %s on %d" % (case.workload, case.device_count)
            )
        dtypes = ("float32",) if case.device_kind == "cpu" else tuple(_TYPES)
        if case.dtype not in dtypes:
            raise NotOffered("torch on %s: dtype %s; offered: %s" % (case.device_kind, case.dtype, ", ".join(dtypes)))
        self._set_backends(case)
        self.device = torch.device("cuda" if case.device_kind == "cuda" else "cpu")
        handle = Handle(case, self._place(case))
        if case.device_kind == "cuda":
            self.cuda.begin()
            with self.cuda.refusing(handle):
                self._make(handle, arrays)
        else:
            self._make(handle, arrays)
        return handle

    def _make(self, handle, arrays):
        case = handle.case
        handle.call, handle.absent = self._call(case), self._absent(case)
        self.fill(handle, arrays)
        if _is_on(case, "compiled"):
            handle.call = self.cuda.compile(case, handle.call, handle.operands)

    def negate(self, handle):
        # In place: a captured graph reads the operands where they were, and large ones need no second copy.
        handle.operands[0].neg_()

    def fill(self, handle, arrays):
        handle.graphs = {}
        handle.operands = tuple(handle.place(arrays[name]) for name, _ in handle.case.operand_shapes) + handle.absent

    def run(self, handle):
        if handle.case.device_kind == "cuda":
            with self.cuda.refusing(handle):
                handle.result = handle.call(*handle.operands)
        else:
            handle.result = handle.call(*handle.operands)

    def synchronize(self):
        if self.device is not None and self.device.type == "cuda":
            torch.cuda.synchronize()

    def output(self, handle):
        return handle.result.detach().to("cpu").float().contiguous().numpy().copy()

    def memory(self, handle):
        if handle.case.device_kind == "cpu":
            return None
        with self.cuda.refusing(handle):
            return self.cuda.memory(handle)

    def compilations(self):
        return torch_cuda.compilations()

    def resolved(self, handle):
        case = handle.case
        seen = self.cuda.kernels(handle) if case.device_kind == "cuda" else None
        if seen is not None:
            return seen
        if case.algorithm in ("fft", "winograd"):
            return self._resolved_nnpack(handle)
        backend = torch._C._select_conv_backend(*_images_and_filters(handle), None, *_geometry(case))
        name = str(backend).split(".")[-1]
        if name == "Mkldnn":
            with onednn_verbose.caught_output() as lines:
                with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
                    self.run(handle)
            seen = onednn_verbose.resolved(onednn_verbose.implementations(lines))
            if seen is not None:
                return seen
        algorithm = "gemm" if name in ("Slow2d", "SlowDilated2d") else None
        return {"algorithm": algorithm, "name": "aten " + name, "tile": None, "workspace_bytes": None}

    def release(self, handle):
        if handle.case.device_kind == "cuda":
            self.cuda.release(handle)

    def close(self):
        pass

    def device_sample(self, handle, repeats, clock):
        if clock == "wall":
            raise NotOffered("torch times a GPU by its events: ask for device_cold or device_hot")
        with self.cuda.refusing(handle):
            return self.cuda.sample(handle, repeats, clock)

    def device_control(self, units, clock):
        return self.cuda.control.nanoseconds(units, clock)

    def flops_per_second(self):
        return peak.flops_per_second(_product)

    def device_peaks(self):
        return self.cuda.control.peaks()

    def _set_backends(self, case):
        """Every switch that chooses a convolution or its precision, each said, none left to a default."""
        unknown = sorted(set(case.options).difference(_SWITCHES))
        if unknown or (case.device_kind == "cpu" and case.options):
            raise NotOffered("torch on %s: option %s" % (case.device_kind, ", ".join(unknown or case.options)))
        tf32 = case.dtype == "tf32"
        library = case.algorithm != "gemm"
        torch.backends.nnpack.set_flags(False)  # NNPACK is called by name where it is asked for
        torch.backends.mkldnn.set_flags(library, False, None, "ieee")
        torch.backends.cudnn.enabled = library
        torch.backends.cudnn.benchmark = _is_on(case, "benchmark")
        torch.backends.cudnn.deterministic = _is_on(case, "deterministic")
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False

    def _place(self, case):
        """Puts an NCHW or KCRS array into the layout and on the device."""
        form, dtype, device = _FORMATS[case.layout], _TYPES[case.dtype], self.device

        def place(array):
            # A copy in memory of torch's own: NumPy's begins off a cache line, elsewhere in every process.
            values = torch.from_numpy(np.array(array, dtype=np.float32))
            return torch.empty(values.shape, dtype=dtype, device=device).contiguous(memory_format=form).copy_(values)

        return place

    def _call(self, case):
        if case.algorithm in ("fft", "winograd"):
            return self._nnpack(case)
        geometry = _geometry(case)
        if case.pass_ == "forward":
            convolution = torch.ops.aten.convolution.default
            return lambda x, w: convolution(x, w, None, *geometry)
        which = _GRADIENT_OF[case.pass_]
        mask = [index == which for index in range(3)]
        backward = torch.ops.aten.convolution_backward.default
        if which == 0:
            return lambda dy, w, absent: backward(dy, absent, w, None, *geometry, mask)[0]
        return lambda x, dy, absent: backward(dy, x, absent, None, *geometry, mask)[1]

    def _absent(self, case):
        """Stands for the operand whose gradient is wanted: only its shape and its layout are read.

        An argument, not part of the call: a compiled call outlives the case's memory.
        """
        if case.pass_ == "forward":
            return ()
        shape = case.x_shape if case.pass_ == "backward_data" else case.w_shape
        empty = torch.empty(shape, dtype=_TYPES[case.dtype], device=self.device)
        return (empty.contiguous(memory_format=_FORMATS[case.layout]),)

    def _nnpack(self, case):
        if case.pass_ != "forward" or case.device_kind != "cpu" or case.layout != "nchw":
            raise NotOffered("torch: NNPACK computes only the forward pass, on the CPU, in NCHW; got %s" % case.text)
        if case.groups != 1 or case.dilation != (1, 1) or case.stride != (1, 1):
            raise NotOffered("torch: NNPACK transforms need groups 1, dilation 1 and stride 1; got %s" % case.text)
        # Asking also initializes NNPACK; without it every call fails.
        if not torch.backends.nnpack.is_available():
            raise NotOffered("torch: NNPACK does not support this machine, or is not in this build")
        convolution, pad, stride = torch._nnpack_spatial_convolution, case.pad, case.stride
        return lambda x, w: convolution(x, w, None, pad, stride)

    def _resolved_nnpack(self, handle):
        case = handle.case
        y = handle.call(*map(handle.place, transform_probe.operands(case))).numpy()
        tile = transform_probe.tile(case, y, _NNPACK_TILES)
        # Of the 8 by 8 transforms NNPACK takes Winograd for 3 by 3 filters, and FFT for all others.
        if tile is None:
            said = {"algorithm": "implicit_gemm", "name": "NNPACK without a transform", "tile": None}
        elif tile == 8 and (case.r, case.s) == (3, 3):
            said = {"algorithm": "winograd", "name": "NNPACK wt8x8", "tile": 6}
        else:
            said = {"algorithm": "fft", "name": "NNPACK ft%dx%d" % (tile, tile), "tile": tile}
        return dict(said, workspace_bytes=None)


def _is_on(case, switch):
    return case.options.get(switch) == "on"


def _geometry(case):
    """Arguments of the aten convolutions behind the bias: stride … groups, not transposed."""
    return [list(case.stride), list(case.pad), list(case.dilation), False, [0, 0], case.groups]


def _images_and_filters(handle):
    """Tensors of the shapes, layouts and device of x and w, for the backend selector."""
    form, like = _FORMATS[handle.case.layout], handle.operands[0]
    shapes = (handle.case.x_shape, handle.case.w_shape)
    empty = (torch.empty(shape, dtype=like.dtype, device=like.device) for shape in shapes)
    return [images.contiguous(memory_format=form) for images in empty]
