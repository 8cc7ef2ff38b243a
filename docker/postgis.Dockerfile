# PostgreSQL 15 with Debian's PostGIS 3.3, the versions that the embedded cluster has too.
FROM postgres:15-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-15-postgis-3 \
    && rm -rf /var/lib/apt/lists/*
