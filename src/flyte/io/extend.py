"""Teach Flyte the data frames of a further library.

from flyte.io.extend import DataFrameDecoder, DataFrameEncoder, DataFrameTransformerEngine

DataFrameTransformerEngine.register(MyEncoder(MyFrame, supported_format="parquet"))
DataFrameTransformerEngine.register(MyDecoder(MyFrame, supported_format="parquet"))
"""

from flyte._io.extend import DataFrameDecoder, DataFrameEncoder, DataFrameTransformerEngine

__all__ = ["DataFrameDecoder", "DataFrameEncoder", "DataFrameTransformerEngine"]
