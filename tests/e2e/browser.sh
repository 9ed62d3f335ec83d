#!/bin/sh
# Debian's Chromium and Chinese fonts, where they are missing and this user may install them.
set -eu
missing=""
command -v chromium >/dev/null || missing="chromium"
# without these fonts every Chinese page is a row of boxes, and its widths are wrong
[ -d /usr/share/fonts/opentype/noto ] || missing="$missing fonts-noto-cjk"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing $missing"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
  echo "missing: $missing (as root on Debian: apt-get install $missing)" >&2
  exit 1
fi
