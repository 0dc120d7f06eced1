#!/bin/sh
# The servers that the tests and benches talk to, from the system's packages; where that is not allowed, says what to install.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need mosquitto mosquitto
need dbus-daemon dbus
need victoria-metrics victoria-metrics
need influxd influxdb
# the browser without a window takes a third of the time; where only the whole one is packaged, that
shell=chromium-headless-shell
packaged() { apt-cache show $shell >/dev/null 2>&1; }
command -v $shell >/dev/null 2>&1 || need chromium $shell
required="$missing"
command -v $shell >/dev/null 2>&1 || ! command -v chromium >/dev/null 2>&1 || ! packaged || missing="$missing $shell"
need pcscd pcscd  # these tests are skipped without it
[ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] || missing="$missing vsmartcard-vpcd"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing for the tests:$missing"
    # policy-rc.d is not touched: where Debian would start a daemon by itself, it may; the tests use their own on free ports
    apt-get update -qq >/dev/null
    packaged || missing=$(echo "$missing" | sed "s/$shell/chromium/")
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
[ -z "$required" ] && exit 0
echo "the tests need these Debian packages:$required" >&2
echo "install them and run make test again:  sudo apt-get install --no-install-recommends$missing" >&2
exit 1
