"""Caches look-ups that dlt repeats at every step of a load: settings that are not set, and the annotations of types.

dlt 1.31 resolves its settings at each step: it searches every section of every config provider, about 600 times a load
without a result. It reads the annotations of its types at each validation of a schema. Both took a fourth of the 0.4
seconds of CPU time of a load of 100 faxes. dlt also writes the hints of each resource as YAML, for metrics that no
command reads. It logs every look-up in memory until the end of a trace, which no run has: a megabyte a load. No setting
of dlt turns any of this off.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import SimpleNamespace
from typing import Any

import dlt.common.configuration.resolve
import dlt.common.validation
import dlt.extract.extract
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.base_configuration import is_context_inner_hint, is_secret_hint
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

_resolve: Any = dlt.common.configuration.resolve
_validation: Any = dlt.common.validation
_extract: Any = dlt.extract.extract
_patching = Lock()


@contextmanager
def lookups_cached() -> Iterator[None]:
    """During the block, dlt looks up a setting that is not set only once. A secret is always looked up.

    If a block runs in another thread, it alone decides: each would put back what it found, perhaps the other's.
    """
    if not _patching.acquire(blocking=False):
        yield
        return
    look_up, type_hints, yaml = _resolve._resolve_single_value, _validation.get_type_hints, _extract.yaml
    log_traces = _resolve.log_traces
    absent: dict[Any, Any] = {}  # place of the look-up -> dlt's traces of it
    has_settings = functools.cache(_has_settings)

    def look_up_unless_absent(key: str, hint: Any, inner_hint: Any, *sections: Any) -> Any:
        context = Container()[ConfigSectionContext]
        pipeline = context.pipeline_name if has_settings(context.pipeline_name) else None
        place = (key, hint, pipeline, context.sections, *sections)
        if place in absent:
            return None, [*absent[place]]
        value, traces = look_up(key, hint, inner_hint, *sections)
        is_own = context.pipeline_name in (context.sections or ())  # a new pipeline looks up its own once
        if value is None and not is_own and not is_secret_hint(hint) and not is_context_inner_hint(inner_hint):
            absent[place] = traces
        return value, traces

    @functools.cache
    def type_hints_of(spec: Any) -> Any:
        return type_hints(spec)  # resolved in the module of the type, as dlt does

    _resolve._resolve_single_value = look_up_unless_absent
    _validation.get_type_hints = lambda spec, **_: type_hints_of(spec)
    _resolve.log_traces = lambda *_: None
    _extract.yaml = SimpleNamespace(dump=lambda hints, **_: "")
    try:
        yield
    finally:
        _resolve.log_traces = log_traces
        _resolve._resolve_single_value, _validation.get_type_hints, _extract.yaml = look_up, type_hints, yaml
        _patching.release()


def _has_settings(pipeline: str | None) -> bool:
    """There are settings for this pipeline, by its name."""
    if not pipeline:
        return False
    providers = Container()[PluggableRunContext].providers.providers
    return any(name.startswith(f"{pipeline.upper()}__") for name in os.environ) or any(
        provider.get_value(pipeline, Any, "")[0] is not None for provider in providers
    )
