"""The TensorFlow op types that a SavedModel from outside may use.

An allow-list: whatever is not named here is refused, so that an op nobody thought of cannot slip
through. All are mathematics on dense tensors, control flow between functions of the same graph,
random numbers, and variables; none reads or writes a file, opens a socket, runs Python, or decodes
a format. A test holds the list against TensorFlow's own op registry.
"""

from __future__ import annotations

ELEMENTWISE = """
Abs Acos Acosh Add AddN AddV2 Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh Betainc BesselI0
BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0
BesselY1 BitwiseAnd BitwiseOr BitwiseXor Cast Ceil CheckNumerics ClipByValue Complex ComplexAbs
Conj Cos Cosh Dawsn Digamma Div DivNoNan Elu EluGrad Equal Erf Erfc Erfinv Exp Expint Expm1 Floor
FloorDiv FloorMod FresnelCos FresnelSin Greater GreaterEqual Igamma IgammaGradA Igammac Imag Inv
Invert IsFinite IsInf IsNan LeakyRelu LeakyReluGrad LeftShift Less LessEqual Lgamma Log Log1p
LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual
Polygamma Pow Real RealDiv Reciprocal ReciprocalGrad Relu Relu6 Relu6Grad ReluGrad RightShift Rint
Round Rsqrt RsqrtGrad Select SelectV2 Selu SeluGrad Sigmoid SigmoidGrad Sign Sin Sinh Softplus
SoftplusGrad Softsign SoftsignGrad Spence Sqrt SqrtGrad Square SquaredDifference Sub Tan Tanh
TanhGrad TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta
"""

SHAPES = """
BatchToSpaceND Bitcast BroadcastArgs BroadcastGradientArgs BroadcastTo Concat ConcatOffset ConcatV2
Const ConjugateTranspose DepthToSpace DynamicPartition DynamicStitch EnsureShape ExpandDims Fill
Gather GatherNd GatherV2 Identity IdentityN InvertPermutation LinSpace MirrorPad MirrorPadGrad
OneHot OnesLike Pack Pad PadV2 ParallelDynamicStitch Placeholder PlaceholderWithDefault
PreventGradient Range Rank Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd Shape ShapeN
Size Slice Snapshot SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient StridedSlice
StridedSliceGrad TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
TensorScatterUpdate TensorStridedSliceUpdate Tile Transpose UnravelIndex Unpack Where ZerosLike
"""

REDUCTIONS = """
All Any ArgMax ArgMin Bincount Bucketize Cumprod Cumsum CumulativeLogsumexp DenseBincount
EuclideanNorm HistogramFixedWidth L2Loss LowerBound Max Mean Min NthElement Prod SegmentMax
SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2
Sum TopK TopKV2 Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 UnsortedSegmentMax
UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound
"""

LINEAR_ALGEBRA = """
BandedTriangularSolve BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky CholeskyGrad Cross Diag
DiagPart Einsum Eig FFT FFT2D FFT3D FFTND IFFT IFFT2D IFFT3D IFFTND IRFFT IRFFT2D IRFFT3D IRFFTND
LogMatrixDeterminant Lu MatMul MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart
MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixExponential MatrixInverse
MatrixLogarithm MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixSolveLs
MatrixSquareRoot MatrixTriangularSolve Qr RFFT RFFT2D RFFT3D RFFTND SelfAdjointEigV2 Svd
TridiagonalMatMul TridiagonalSolve
"""

NETWORKS = """
AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BiasAdd BiasAddGrad Conv Conv2D Conv2DBackpropFilter
Conv2DBackpropInput Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 DepthwiseConv2dNative
DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput FusedBatchNorm
FusedBatchNormV2 FusedBatchNormV3 FusedBatchNormGradV3 LogSoftmax MaxPool MaxPool3D MaxPool3DGrad
MaxPoolGrad MaxPoolV2 MaxPoolWithArgmax ResizeArea ResizeBicubic ResizeBilinear ResizeBilinearGrad
ResizeNearestNeighbor ResizeNearestNeighborGrad ScaleAndTranslate ScaleAndTranslateGrad Softmax
SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits
"""

RANDOM = """
Multinomial RandomGamma RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform
RandomUniformInt SobolSample StatelessMultinomial StatelessParameterizedTruncatedNormal
StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomGetAlg
StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform StatelessRandomUniformFullInt
StatelessRandomUniformFullIntV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2
TruncatedNormal
"""

# Calls go to functions of the same library only, which the scan checks by name.
CONTROL = """
Assert Case EmptyTensorList FakeParam If NoOp PartitionedCall StatefulPartitionedCall StatelessCase
StatelessIf StatelessWhile TensorListConcatV2 TensorListElementShape TensorListFromTensor
TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
TensorListReserve TensorListResize TensorListScatterV2 TensorListSetItem TensorListSplit
TensorListStack While
"""

VARIABLES = """
AssignAddVariableOp AssignSubVariableOp AssignVariableOp DestroyResourceOp DisableCopyOnRead
ReadVariableOp ResourceGather ResourceGatherNd VarHandleOp VarIsInitializedOp VariableShape
"""

_GROUPS = (ELEMENTWISE, SHAPES, REDUCTIONS, LINEAR_ALGEBRA, NETWORKS, RANDOM, CONTROL, VARIABLES)
ALLOWED = frozenset(name for group in _GROUPS for name in group.split())

# These touch files, at a path that the loader gives: only in the functions of the saver.
SAVER = """
MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
"""
CHECKPOINT = frozenset(SAVER.split())
