"""A batch over a Dask DataFrame, Series or bag: each worker asks for its partitions.

The workers receive a ``Plan``, which contains no key: each finds its own.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stepmagic.ask.batch.question import only_name, question
from stepmagic.ask.batch.run import Plan, Run, check_names, result_columns
from stepmagic.ask.batch.tables import Column, Table, records, table_of
from stepmagic.errors import SettingError
from stepmagic.schema import Schema

_KINDS = ("DataFrame", "Series", "Bag")
_ITEM = "item"


def is_dask(data: Any) -> bool:
    """Whether data is a collection of Dask; looks only at its type."""
    kind = type(data)
    return kind.__module__.partition(".")[0] == "dask" and kind.__name__ in _KINDS


def map_partitions(data: Any, plan: Plan) -> Any:
    """Return the collection with the answers, which is computed when Dask is asked to.

    Raises:
        AttachmentError: The prompt names a column that is not there.
        SettingError: ``resume`` is not a folder, or a column has the name of a new one.
    """
    share = _share(plan, data.npartitions)
    if type(data).__name__ == "Bag":
        return data.map_partitions(functools.partial(_ask_items, plan=share))
    # A partition without rows: Dask calls it meta.
    meta = _table(data._meta, plan)  # noqa: SLF001
    check_names(plan, meta)
    question(plan.prompt, meta.names, plan.handling)
    return data.map_partitions(
        functools.partial(_ask_frame, plan=share),
        meta=meta.joined(result_columns(share, [])),
    )


def _share(plan: Plan, partitions: int) -> Plan:
    """Return the plan of one part: limits are divided among those who ask.

    Requests at a time are counted by process, money by partition: whichever worker
    takes a partition, and takes it again after another died, has the same to spend.
    A type goes as its JSON Schema, since a dataclass that was pickled is damaged.
    """
    if plan.resume is not None:
        try:
            plan.resume.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            message = (
                f"resume={str(plan.resume)!r} must name a folder that all workers "
                f"see: {exc.strerror}."
            )
            raise SettingError(message) from exc
    most, schema = plan.max_cost_usd, plan.schema
    return replace(
        plan,
        schema=None if schema is None else Schema.of(schema).json_schema,
        concurrency=max(1, plan.concurrency // _workers()),
        max_cost_usd=None if most is None else most / max(1, partitions),
    )


def _workers() -> int:
    """Return how many processes share the work: one without a cluster."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return 1
    try:
        return max(1, len(distributed.default_client().nthreads()))
    except ValueError:  # there is no client
        return 1


def _table(data: Any, plan: Plan) -> Table:
    return table_of(data, only_name(plan.prompt, _ITEM))


def _ask_frame(frame: Any, plan: Plan) -> Any:
    """Return a partition with its answers; runs in a worker."""
    table = _table(frame, plan)
    return table.joined(_asked(table, plan))


def _ask_items(items: Iterable[Any], plan: Plan) -> list[dict[str, Any]]:
    """Return the items of a partition as records with their answers, in a worker."""
    rows = list(items)
    if not rows:
        return []
    table = _table(rows, plan)
    check_names(plan, table)
    return records(table, _asked(table, plan))


def _asked(table: Table, plan: Plan) -> list[Column]:
    run = Run(plan, table)
    run.start().result()
    return result_columns(plan, run.outcomes())
