"""What dlt does anew at every step of a load, done once: to look up settings that are not set, and to read its types.

dlt 1.31 resolves its settings at each step, and looks for each in every section of every config provider: about 600
times a load, in vain. It also reads the annotations of its types each time it validates a schema. A load of 100 faxes
took 0.4 seconds of CPU time, a fourth of it for that. It also writes the hints of each resource as YAML, for metrics
that no command reads, and logs every look-up in memory until the end of a trace, which no run has: a megabyte a load.
dlt has no setting for any of this.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def repeated_work_saved() -> Iterator[None]:
    """During the block, a setting that dlt has found nowhere counts as not set. A secret is always looked up."""
    look_up, type_hints, yaml = _resolve._resolve_single_value, _validation.get_type_hints, _extract.yaml
    log_traces = _resolve.log_traces
    absent: dict[Any, Any] = {}  # where dlt has looked for it -> dlt's traces of that
    has_settings = functools.cache(_has_settings)

    def look_up_unless_absent(key: str, hint: Any, inner_hint: Any, *sections: Any) -> Any:
        context = Container()[ConfigSectionContext]
        pipeline = context.pipeline_name if has_settings(context.pipeline_name) else None
        place = (key, hint, pipeline, context.sections, *sections)
        if place in absent:
            return None, [*absent[place]]
        value, traces = look_up(key, hint, inner_hint, *sections)
        is_own = context.pipeline_name in (context.sections or ())  # of a pipeline that is being made: asked for once
        if value is None and not is_own and not is_secret_hint(hint) and not is_context_inner_hint(inner_hint):
            absent[place] = traces
        return value, traces

    @functools.cache
    def type_hints_of(spec: Any) -> Any:
        return type_hints(spec)  # in its module, as dlt does

    _resolve._resolve_single_value = look_up_unless_absent
    _validation.get_type_hints = lambda spec, **_: type_hints_of(spec)
    _resolve.log_traces = lambda *_: None
    _extract.yaml = SimpleNamespace(dump=lambda hints, **_: "")
    try:
        yield
    finally:
        _resolve.log_traces = log_traces
        _resolve._resolve_single_value, _validation.get_type_hints, _extract.yaml = look_up, type_hints, yaml


def _has_settings(pipeline: str | None) -> bool:
    """Settings may be set for the pipeline of this name alone."""
    if not pipeline:
        return False
    providers = Container()[PluggableRunContext].providers.providers
    return any(name.startswith(f"{pipeline.upper()}__") for name in os.environ) or any(
        provider.get_value(pipeline, Any, "")[0] is not None for provider in providers
    )
