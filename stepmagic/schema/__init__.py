"""Python types as JSON Schema, and JSON read back as values of them.

Owns what a type looks like to a model and how what the model wrote is checked. Knows
nothing of protocols, requests or answers. pydantic is imported with the first type.
"""

from stepmagic.schema.columns import Column, Records, frame_of, plain, rows_of
from stepmagic.schema.functions import FunctionSchema, function_schema
from stepmagic.schema.schema import Schema

__all__ = [
    "Column",
    "FunctionSchema",
    "Records",
    "Schema",
    "frame_of",
    "function_schema",
    "plain",
    "rows_of",
]
