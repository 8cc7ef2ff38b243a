"""Settings of a private cluster, by the machine it runs on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MB = 2**20


def memory_mb() -> int:
    """Memory that this machine, or the container around us, has, in MiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total // _MB


def settings(
    socket: Path, *, throwaway: bool, memory: int, cores: int, shared_disk_mb: int, shared: bool = False
) -> dict[str, str]:
    """Names and values for ``postgresql.conf``.

    Args:
        throwaway: a cluster for tests.
        memory: of the machine, in MiB.
        shared_disk_mb: size of ``/dev/shm`` in MiB; a container often has 64.
        shared: the group of the cluster's user may connect too.
    """
    buffers = max(64, min(memory // 8, 4096))
    values = {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{socket}'",
        "unix_socket_permissions": "0770" if shared else "0700",
        "max_connections": "100",
        # days of fixes and every layer's partitions are locked one by one
        "max_locks_per_transaction": "512",
        "shared_buffers": f"{64 if throwaway else buffers}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": f"{max(8, min(memory // 256, 64))}MB",
        "maintenance_work_mem": f"{max(64, min(memory // 16, 1024))}MB",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "100",
        # what compiling would save, short spatial queries never earn back
        "jit": "off",
        "max_worker_processes": str(max(8, cores)),
        "max_parallel_workers": str(cores),
        "max_parallel_workers_per_gather": str(max(1, min(4, cores // 2))),
        "dynamic_shared_memory_type": "posix" if shared_disk_mb >= 256 else "mmap",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        # After a crash one request for the whole disk takes the place of one a file: seconds, with thousands of files.
        "recovery_init_sync_method": "syncfs",
        "wal_compression": "on",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "timezone": "'Asia/Shanghai'",
        "log_timezone": "'Asia/Shanghai'",
        "logging_collector": "on",
        "log_directory": "'log'",
        # A new file each day and every 10 MB; its watcher removes the oldest, see ``kept.py``.
        "log_filename": "'postgresql-%Y-%m-%d-%H%M%S.log'",
        "log_rotation_age": "1d",
        "log_rotation_size": "10MB",
        "log_line_prefix": "'%m [%p] %u@%d '",
        # Statements and the details of errors hold names and numbers of persons: none of them is written. Slow statements
        # are named in the server's log, without their values; what the text of an error repeats is kept out for the
        # application's role (gisapp/store/roles.py).
        "log_min_duration_statement": "-1",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_parameter_max_length_on_error": "0",
        "log_parameter_max_length": "0",
        "cluster_name": "'onemap'",
    }
    if throwaway:
        values |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "logging_collector": "off",
            "autovacuum": "off",
            "max_connections": "200",
            "cluster_name": "'onemap-test'",
        }
    return values


def settings_text(socket: Path, *, throwaway: bool, shared: bool = False) -> str:
    """The file for this machine."""
    try:
        shared_disk = shutil.disk_usage("/dev/shm").total // _MB
    except OSError:
        shared_disk = 0
    values = settings(
        socket,
        throwaway=throwaway,
        memory=memory_mb(),
        cores=os.cpu_count() or 1,
        shared_disk_mb=shared_disk,
        shared=shared,
    )
    lines = [f"{name} = {value}" for name, value in values.items()]
    return "\n".join(
        ["# Written by onemap at every start. Own settings go into site.conf beside it.", *lines, ""]
    )
