"""Kernel names of GPUs to words of ours; the names are those of public profiles, whose places stand beside them."""

from __future__ import annotations

import pytest

from pytest_cnnperf.worker.adapters.kernel_names import resolved, short

WINOGRAD_DATA = (
    "void cudnn::winograd_nonfused::winogradForwardData4x4<float, float>"
    "(cudnn::winograd_nonfused::WinogradDataParams<float, float>)"
)
WINOGRAD_OUTPUT = WINOGRAD_DATA.replace("Data", "Output")
FFT = (
    "void fft2d_r2c_32x32<float, false, 0u, false>(float2*, float const*, int, int, int, int, int, int, int, int, int, "
    "cudnn::reduced_divisor, bool, int2, int, int)"
)
IMPLICIT = (
    "void cudnn::detail::implicit_convolve_sgemm<float, float, int=128, int=6, int=7, int=3, int=3, int=5, int=1, "
    "bool=1, bool=0, bool=1>(int, int, int, float const *, int, float*, kernel_conv_params, int, float, float, int)"
)
EXPLICIT = IMPLICIT.replace("implicit", "explicit")
CUTLASS = (
    "void cutlass_cudnn::Kernel<cutlass_tensorop_f16_s16816dgrad_optimized_f16_128x256_32x3_unity_stride>"
    "(cutlass_tensorop_f16_s16816dgrad_optimized_f16_128x256_32x3_unity_stride::Params)"
)
XMMA = (
    "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc_tilesize128x128x16_stage4_warpsize2x2x1_g1_"
    "tensor16x8x8"
)
IM2COL = "void at::native::im2col_kernel<float>(long, float const*)"
TO_NHWC = "void cudnn::ops::nchwToNhwcKernel<float, float, float, false, true, (cudnnKernelDataType_t)2>(…)"


@pytest.mark.parametrize(
    ("names", "algorithm"),
    [
        # https://github.com/kblomdahl/dream-go/issues/25, a nvprof of a Maxwell
        (["maxwell_scudnn_winograd_128x128_ldg1_ldg4_relu_tile418n_nt"], "winograd"),
        # Profiles of TensorFlow on a V100: the products between the transforms are cuBLAS's.
        ([WINOGRAD_DATA, "volta_sgemm_128x64_nn", WINOGRAD_OUTPUT], "winograd"),
        # https://github.com/pytorch/pytorch/issues/13412, /issues/51382: V100 with benchmark
        ([FFT, FFT.replace("r2c", "c2r"), "volta_cgemm_32x64_tn"], "fft"),
        # https://github.com/NVIDIA/apex/issues/666
        (["void DSE::regular_fft_pad<int=0, int=1>(float2*)", "void DSE::vector_fft<int=0>(float2*)"], "fft"),
        ([IMPLICIT], "implicit_gemm"),
        (["volta_scudnn_128x64_relu_small_nn_v1"], "implicit_gemm"),
        (["void cudnn::detail::dgrad2d_alg1_1<float, int=0, int=6>(int, int)"], "implicit_gemm"),
        (["void cudnn::detail::dgrad_engine<float, int=128, int=6>(int, int)"], "implicit_gemm"),
        (["void cudnn::detail::wgrad_alg0_engine<float, int=512, int=6>(int, int)"], "implicit_gemm"),
        (["void cudnn::cnn::wgrad2d_grouped_direct_kernel<float, float>(…)"], "direct"),
        ([EXPLICIT], "gemm"),
        # Ampere and Hopper: layouts are converted around the kernel that computes.
        ([TO_NHWC, XMMA, TO_NHWC.replace("nchwToNhwc", "nhwcToNchw")], "implicit_gemm"),
        ([CUTLASS, "void cublasLt::splitKreduce_kernel<32, 16, int>(…)"], "implicit_gemm"),
        # ATen's own, image by image (aten/src/ATen/native/cuda/im2col.cuh), and its product
        ([IM2COL, "cutlass_80_simt_sgemm_64x64_8x5_tn_align1"], "gemm"),
        # Inductor's template of pytorch/pytorch torch/_inductor/kernel/conv.py
        (["triton_tem_fused_convolution_0"], "implicit_gemm"),
        # a convolution by one pixel
        (["cutlass_80_simt_sgemm_128x64_8x5_nn_align1"], "gemm"),
    ],
)  # fmt: skip
def test_the_kernels_of_a_convolution_tell_its_algorithm(names, algorithm):
    assert resolved(names)["algorithm"] == algorithm


@pytest.mark.parametrize(
    "names",
    [
        [],
        [TO_NHWC],
        [IM2COL],
        ["cudnn_generated_fort_native_conv_a_b_c"],
        [XMMA, "what_nobody_has_seen"],
        [IMPLICIT, WINOGRAD_DATA],
        ["triton_poi_fused_convolution_0"],
    ],
    ids=["none", "conversions", "half_of_two", "unknown", "beside_unknown", "two_algorithms", "layout_of_inductor"],
)
def test_what_the_names_do_not_say_stays_unknown(names):
    assert resolved(names)["algorithm"] is None


def test_a_name_is_shown_without_what_a_compiler_adds():
    assert short(IMPLICIT) == "cudnn::detail::implicit_convolve_sgemm"
    assert short("void (anonymous namespace)::softmax<int>(int)") == "softmax"
    assert short(CUTLASS) == "cutlass_tensorop_f16_s16816dgrad_optimized_f16_128x256_32x3_unity_stride"
    assert short(XMMA) == XMMA


def test_only_kernels_that_compute_are_named_each_once_and_a_few_of_them():
    assert resolved([TO_NHWC, XMMA, XMMA])["name"] == XMMA
    assert resolved([TO_NHWC])["name"] == "cudnn::ops::nchwToNhwcKernel"
    assert resolved([])["name"] == "unknown"
    assert resolved([f"sgemm_{number}" for number in range(6)])["name"] == (
        "sgemm_0 + sgemm_1 + sgemm_2 + sgemm_3 + 2 more"
    )
