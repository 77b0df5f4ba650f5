#!/usr/bin/env bash
# The images of docker-compose.yml for a machine that cannot pull any: from Debian's packages, PyPI and Maven Central.
#   docker/local_images.sh             base, Kafka and the services, as docker/local.env names them
# Needs a Docker that runs, mmdebstrap, and the .venv that make lint makes (or PYTHON) for Java and the jars.
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/local.env
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export DOCKER_BUILDKIT=0  # BuildKit is a plugin that Debian's Docker lacks

if ! docker image inspect "$PYTHON_IMAGE" >/dev/null 2>&1; then
    # pip is to trust whom this machine trusts
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates,tzdata \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' bookworm "$stage/base.tar"
    docker import --change "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt" \
        --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        "$stage/base.tar" "$PYTHON_IMAGE" >/dev/null
    rm "$stage/base.tar"
fi

mkdir "$stage/kafka" "$stage/kafka/jars"
cp docker/kafka/Dockerfile docker/kafka/run docker/kafka/kafka-storage.sh "$stage/kafka/"
"${PYTHON:-.venv/bin/python}" - "$stage/kafka" <<'PYTHON'
import shutil
import sys

from local.java import java, kafka_jars

for jar in kafka_jars():
    shutil.copy(jar, f"{sys.argv[1]}/jars")
shutil.copytree(java().parent.parent, f"{sys.argv[1]}/java", symlinks=True)
PYTHON
docker build --quiet --build-arg PYTHON_IMAGE="$PYTHON_IMAGE" -t "$KAFKA_IMAGE" "$stage/kafka" >/dev/null

docker build --quiet --network host --build-arg PYTHON_IMAGE="$PYTHON_IMAGE" -f docker/Dockerfile -t "$HUTONG_IMAGE" . >/dev/null
docker image ls --filter reference="*:local"
