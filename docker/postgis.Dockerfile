# PostgreSQL 15 as in the private cluster, with the PostGIS 3 of the image's own package source.
FROM postgres:15.15-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-15-postgis-3 \
    && rm -rf /var/lib/apt/lists/*
