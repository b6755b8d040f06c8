#!/bin/sh
# Remake requirements/*.txt: every package at one version, with the hashes of all its files.
#
# --universal writes one file for every Python from 3.11 on and every machine; what differs between
# them carries a marker. dev.txt is made first and constrains the rest, so that an agent or a hub
# runs the versions that the tests ran. No address of a package registry is written down: each site
# installs from the one that its own pip is set up for.
set -eu
cd "$(dirname "$0")/.."

lock() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        pyproject.toml requirements/build.in "$@"
}

lock --extra dev --output-file requirements/dev.txt
for extra in agent pi hub apprise postgresql export demo; do
    lock --extra "$extra" --constraint requirements/dev.txt --output-file "requirements/$extra.txt"
done
