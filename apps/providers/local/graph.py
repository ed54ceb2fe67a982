"""all-MiniLM-L6-v2 as an ONNX graph, built from its weights: a BERT encoder, mean pooling and normalisation.

Architecture: Devlin et al. 2018 (post-layer-norm BERT), 6 layers, 12 heads of 32; pooled as in Sentence-BERT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6
HEADS = 12
WIDTH = 384
HEAD_WIDTH = WIDTH // HEADS
LAYER_NORM_EPSILON = 1e-12
OPSET = 20
IR_VERSION = 10
MASKED = -1e9  # added to the attention scores of padding


class GraphBuilder:
    """Collects nodes and constants; each method returns the name of the tensor it makes."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name: str, *, transpose: bool = False) -> str:
        array = self._weights[name].astype(np.float32)
        return self.constant(np.ascontiguousarray(array.T) if transpose else array)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, x: str, prefix: str) -> str:
        product = self.op("MatMul", x, self.weight(f"{prefix}.weight", transpose=True))
        return self.op("Add", product, self.weight(f"{prefix}.bias"))

    def layer_norm(self, x: str, prefix: str) -> str:
        scale, bias = self.weight(f"{prefix}.weight"), self.weight(f"{prefix}.bias")
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def embeddings(self) -> str:
        length = self.op("Gather", self.op("Shape", "ids"), self.constant(np.int64(1)), axis=0)
        positions = self.op("Range", self.constant(np.int64(0)), length, self.constant(np.int64(1)))
        words = self.op("Gather", self.weight("embeddings.word_embeddings.weight"), "ids")
        places = self.op("Gather", self.weight("embeddings.position_embeddings.weight"), positions)
        segment = self.constant(
            self._weights["embeddings.token_type_embeddings.weight"][0].astype(np.float32)
        )
        total = self.op("Add", self.op("Add", words, places), segment)
        return self.layer_norm(total, "embeddings.LayerNorm")

    def attention_bias(self) -> str:
        mask = self.op("Unsqueeze", "mask", self.constant(np.array([1, 2], np.int64)))
        hidden = self.op("Sub", self.constant(np.float32(1)), mask)
        return self.op("Mul", hidden, self.constant(np.float32(MASKED)))

    def heads(self, x: str, prefix: str, order: list[int]) -> str:
        shape = self.constant(np.array([0, 0, HEADS, HEAD_WIDTH], np.int64))
        return self.op("Transpose", self.op("Reshape", self.linear(x, prefix), shape), perm=order)

    def attention(self, x: str, bias: str, prefix: str) -> str:
        query = self.heads(x, f"{prefix}.self.query", [0, 2, 1, 3])
        key = self.heads(x, f"{prefix}.self.key", [0, 2, 3, 1])
        value = self.heads(x, f"{prefix}.self.value", [0, 2, 1, 3])
        scale = self.constant(np.float32(HEAD_WIDTH**-0.5))
        scores = self.op("Mul", self.op("MatMul", query, key), scale)
        weights = self.op("Softmax", self.op("Add", scores, bias), axis=-1)
        mixed = self.op("Transpose", self.op("MatMul", weights, value), perm=[0, 2, 1, 3])
        joined = self.op("Reshape", mixed, self.constant(np.array([0, 0, WIDTH], np.int64)))
        output = self.op("Add", self.linear(joined, f"{prefix}.output.dense"), x)
        return self.layer_norm(output, f"{prefix}.output.LayerNorm")

    def layer(self, x: str, bias: str, prefix: str) -> str:
        x = self.attention(x, bias, f"{prefix}.attention")
        hidden = self.op("Gelu", self.linear(x, f"{prefix}.intermediate.dense"))
        output = self.op("Add", self.linear(hidden, f"{prefix}.output.dense"), x)
        return self.layer_norm(output, f"{prefix}.output.LayerNorm")

    def pool(self, x: str) -> str:
        mask = self.op("Unsqueeze", "mask", self.constant(np.array([2], np.int64)))
        axis = self.constant(np.array([1], np.int64))
        total = self.op("ReduceSum", self.op("Mul", x, mask), axis, keepdims=0)
        mean = self.op("Div", total, self.op("ReduceSum", mask, axis, keepdims=0))
        return self.op("Div", mean, self.op("ReduceL2", mean, axis, keepdims=1))


def build(weights: Mapping[str, Any]) -> bytes:
    """The model: `ids` int64 and `mask` float, [batch, length] both, give `embedding` [batch, 384]."""
    builder = GraphBuilder(weights)
    x = builder.embeddings()
    bias = builder.attention_bias()
    for index in range(LAYERS):
        x = builder.layer(x, bias, f"encoder.layer.{index}")
    builder.nodes.append(helper.make_node("Identity", [builder.pool(x)], ["embedding"]))
    graph = helper.make_graph(
        builder.nodes,
        "all-MiniLM-L6-v2",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", "length"]),
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])],
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
