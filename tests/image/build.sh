#!/bin/sh
# Builds the Dockerfile without a daemon and without root: buildah, each step in a chroot. Where no
# registry of images can be reached (BASES=debian) the two base images are made of Debian's own
# packages first, under the names that the Dockerfile asks for; Node is then the one of this machine.
#   apt-get install buildah uidmap mmdebstrap
#   sh tests/image/build.sh            or  BASES=debian sh tests/image/build.sh
set -eu
cd "$(dirname "$0")/../.."
MIRROR=${MIRROR:-http://deb.debian.org/debian}
WORK=${WORK:-$(mktemp -d)}
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"

python_base() {
  test -f "$WORK/python.tar" || mmdebstrap -q --variant=minbase \
    --include=ca-certificates,python3,python3-venv,python-is-python3 \
    bookworm "$WORK/python.tar" "$MIRROR"
  made=$(buildah from scratch)
  buildah add -q "$made" "$WORK/python.tar" / >/dev/null
  # a proxy of this machine's may sign for the registries of packages
  buildah copy -q "$made" "$CERTIFICATES" "$CERTIFICATES" >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env PIP_CERT=$CERTIFICATES --env NODE_EXTRA_CA_CERTS=$CERTIFICATES "$made"
  buildah commit -q --rm "$made" docker.io/library/python:3.11-slim-bookworm >/dev/null
}

node_base() {
  made=$(buildah from --pull-never docker.io/library/python:3.11-slim-bookworm)
  buildah copy -q "$made" "$(command -v node)" /usr/bin/node >/dev/null
  npm=$(dirname "$(readlink -f "$(command -v npm)")")/..
  buildah copy -q "$made" "$npm" /usr/lib/node_modules/npm >/dev/null
  buildah run "$made" -- ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm
  buildah commit -q --rm "$made" docker.io/library/node:20-bookworm-slim >/dev/null
}

if [ "${BASES:-}" = debian ]; then
  python_base
  node_base
  set -- --pull-never
fi
buildah build "$@" --network host -t "${TAG:-doorstep}" .
made=$(buildah from --pull-never "${TAG:-doorstep}")
buildah run "$made" -- doorstep --help >/dev/null
buildah run "$made" -- sh -c 'test "$(id -u)" = 10001'
buildah rm "$made" >/dev/null
echo "built ${TAG:-doorstep}; it runs as user 10001"
