"""The adapter of cuDNN in a real worker, on a model of CUDA instead of a GPU; $CNNPERF_MODELLED holds its keywords."""

import ast
import importlib
import os
import sys
from pathlib import Path

from cnnperf_worker.adapters import cudnn
from cnnperf_worker.cuda import ceilings, kernels, product, runtime
from cnnperf_worker.cudnn import convolutions

sys.path.insert(0, str(Path(__file__).parent))
cudnn_model = importlib.import_module("cudnn_model")

# The model's time of a product is that of its script, however small it is.
product.Product.__init__.__kwdefaults__["side"] = ceilings._SIDE = 8


class Adapter(cudnn.Adapter):
    def __init__(self):
        keywords = ast.literal_eval(os.environ.get("CNNPERF_MODELLED", "{}"))
        self.gpu, load = cudnn_model.libraries(
            runtime.SIGNATURES, product.SIGNATURES, kernels, convolutions=convolutions, **keywords
        )
        super().__init__(load=load)
