"""Looks into exported networks before a runtime opens them: nothing in them may run code or touch
files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.untrusted import open_regular

MAX_BYTES = 1 << 31
"""Neither a protocol buffer nor a flat buffer can be larger."""

OPERATIONS = frozenset(
    """
    Abs Add AddN AddV2 All Any AsString Assert AssignVariableOp AvgPool BatchMatMulV2
    BatchToSpaceND BiasAdd BroadcastTo Case Cast Ceil ClipByValue Concat ConcatV2 Const Conv2D
    Conv2DBackpropInput Conv3D DecodeBmp DecodeGif DecodeImage DecodeJpeg DecodePng DecodeRaw
    DepthToSpace DepthwiseConv2dNative Dequantize DisableCopyOnRead Elu EncodeJpeg EncodePng
    EnsureShape Equal Erf Exp ExpandDims FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If
    IgnoreErrorsDataset LeakyRelu LeftShift Less LessEqual Log Log1p LogicalAnd LogicalNot
    LogicalOr LowerBound MapDataset MatMul Max MaxPool Maximum Mean Min Minimum MirrorPad Mul Neg
    NoOp NotEqual OnesLike OptionsDataset Pack Pad PadV2 PartitionedCall Placeholder
    PlaceholderWithDefault Pow Prod QuantizeV2 Range Rank ReadVariableOp RealDiv Reciprocal
    ReduceDataset Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor
    ReverseV2 RightShift Round Rsqrt Select SelectV2 Selu Shape Sigmoid Sign Size Slice Softmax
    Softplus SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile StaticRegexFullMatch
    StopGradient StridedSlice StringJoin StringLength Sub Substr Sum Tanh TensorDataset
    TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem
    TensorListStack Tile Transpose TruncateDiv TruncateMod Unpack VarHandleOp VarIsInitializedOp
    Where While ZerosLike
    """.split()  # noqa: SIM905 - a list would take a line each.
)
"""What a SavedModel may compute: all that exports of this project contain, and what else networks
from pictures to pictures are made of. None of them reads or writes files, opens connections, or
calls Python."""

_CHECKPOINT_OPERATIONS = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"}
_CUSTOM = 32  # TFLite's builtin code for an operation that is named instead.


def check_saved_model(folder: Path) -> None:
    """Refuses a SavedModel with other operations than `OPERATIONS`.

    The functions with which every SavedModel is saved and restored have others; they are never
    called here, and no other function may call them.

    Raises:
        UserError: an operation that is not allowed, by its name; or not a readable SavedModel.
    """
    path = folder / "saved_model.pb"
    try:
        content = saved_model_pb2.SavedModel.FromString(_read(path))
    except (OSError, DecodeError) as error:
        raise UserError(
            Finding(str(folder), f"not a readable SavedModel ({error})", "Export it again")
        ) from error
    if not all(graph.HasField("object_graph_def") for graph in content.meta_graphs):
        reason = "not a readable SavedModel (of TensorFlow 2)"
        raise UserError(Finding(str(folder), reason, "Export it again"))
    forbidden = sorted({name for graph in content.meta_graphs for name in _forbidden(graph)})
    if forbidden:
        raise UserError(
            Finding(
                str(folder),
                f"contains {', '.join(forbidden)}: a network needs no such operation, and it may "
                "run code or reach files",
                "It was not run. Use exports of this project, or those that you trust and know",
            )
        )


def _forbidden(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[str]:
    """Operations of a graph that are not allowed where they stand."""
    functions = {f.signature.name: f.node_def for f in graph.graph_def.library.function}
    savers = {
        name
        for name, nodes in functions.items()
        if any(node.op in _CHECKPOINT_OPERATIONS for node in nodes)
    }
    called = set(graph.object_graph_def.concrete_functions)
    for nodes in functions.values():
        called.update(name for node in nodes for name in _calls(node))
    # TensorFlow's own names for functions, which no operation has.
    own = {name for name in functions if name.startswith("__inference_")}
    for name, nodes in [("", graph.graph_def.node), *functions.items()]:
        allowed = OPERATIONS | own
        if name in savers - called:
            allowed |= _CHECKPOINT_OPERATIONS
        yield from (node.op for node in nodes if node.op not in allowed)


def _calls(node: node_def_pb2.NodeDef) -> Iterator[str]:
    """Names of the functions that an operation may call."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def check_tflite(path: Path) -> None:
    """Refuses a TFLite file with operations that are not TFLite's own.

    An interpreter would look for their code, and TensorFlow's own would run any operation of
    TensorFlow, those that reach files too.

    Raises:
        UserError: such an operation, by its name; or not a readable TFLite file.
    """
    try:
        custom = sorted(set(_custom_operations(_read(path))))
    except (OSError, struct.error, ValueError) as error:
        raise UserError(
            Finding(str(path), f"not a readable TFLite file ({error})", "Export it again")
        ) from error
    if custom:
        raise UserError(
            Finding(
                str(path),
                f"contains {', '.join(custom)}, not an operation of TFLite itself",
                "It was not run. Use exports of this project: they have built-in operations only",
            )
        )


def _custom_operations(content: bytes) -> Iterator[str]:
    """Names of custom operations, by the flat buffer's table of operator codes."""
    model = _Table(content, _uint32(content, 0))
    codes = model.field(1)
    if codes is None:
        return
    vector = codes + _uint32(content, codes)
    for i in range(_uint32(content, vector)):
        at = vector + 4 + 4 * i
        code = _Table(content, at + _uint32(content, at))
        named, old, new = code.field(1), code.field(0), code.field(3)
        numbers = [
            content[old] if old is not None and old < len(content) else 0,
            _uint32(content, new) if new is not None else 0,
        ]
        if named is not None:
            text = named + _uint32(content, named)
            length = min(_uint32(content, text), 60)
            yield content[text + 4 : text + 4 + length].decode("latin1") or "a custom operation"
        elif _CUSTOM in numbers:
            yield "a custom operation"


class _Table:
    """A table of a flat buffer: fields by their numbers in the schema."""

    def __init__(self, content: bytes, at: int):
        self._content, self._at = content, at
        self._slots = at - struct.unpack_from("<i", content, at)[0]
        if self._slots < 0:
            raise ValueError("damaged")

    def field(self, number: int) -> int | None:
        """Where a field's value lies; None if it has its default."""
        size = struct.unpack_from("<H", self._content, self._slots)[0]
        if 4 + 2 * number >= size:
            return None
        offset = struct.unpack_from("<H", self._content, self._slots + 4 + 2 * number)[0]
        return self._at + offset if offset else None


def _uint32(content: bytes, at: int) -> int:
    return struct.unpack_from("<I", content, at)[0]


def _read(path):
    with open_regular(path) as file:
        return file.read(MAX_BYTES)
