"""dlt's own `rest_api` source, with its defaults or tuned.

python tests/benchmark/peer.py URL DUCKDB_FILE defaults|tuned

Tuned: parquet, two workers that share the files, nothing compressed on the way, tags in one column.
"""

import os
import sys
import tempfile
from typing import Any

TUNED = {
    "NORMALIZE__WORKERS": "2",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "10000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "10000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}


def main(url: str, file: str, tuned: bool) -> None:
    """Fills the warehouse."""
    os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", **(TUNED if tuned else {})})
    import dlt
    from dlt.sources.rest_api import rest_api_source

    bounds = {"created_after": "2010-01-01T00:00:00Z", "created_before": "2099-01-01T00:00:00Z", "per_page": 1000}
    faxes: Any = {
        "name": "faxes",
        "primary_key": "id",
        "write_disposition": "merge",
        "columns": {"tags": {"data_type": "json"}} if tuned else {},
        "endpoint": {"path": "faxes", "params": bounds, "data_selector": "data"},
    }
    paginator: Any = {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True}
    auth: Any = {"type": "http_basic", "username": "px-key", "password": "px-secret"}
    source = rest_api_source(
        {"client": {"base_url": f"{url}/v2", "auth": auth, "paginator": paginator}, "resources": [faxes]}
    )
    with tempfile.TemporaryDirectory(prefix="peer-") as directory:
        pipeline = dlt.pipeline(
            "peer", destination=dlt.destinations.duckdb(file), dataset_name="raw", pipelines_dir=directory
        )
        pipeline.run(source, loader_file_format="parquet" if tuned else None)  # type: ignore[arg-type]  # dlt's default is None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "tuned")
