#!/usr/bin/env bash
# Redis 7.0.15 (Debian's package): the lag of a consumer group counts entries that were trimmed before they were delivered, and goes on
# counting them after the group has received everything.
#
# Expected: the lag that XINFO GROUPS shows is the number of entries still to be delivered, or null where Redis does not know it: so it is
# after XDEL.
# Actual: a group has received 2 of 10 entries when XTRIM leaves the last 3. The lag is 8, not 3. It is 5, not 0, when all is delivered, and
# one more entry makes it 6. A stream that is trimmed by MAXLEN on each XADD behaves alike.
# Consequence: a scaler that trusts the lag keeps workers for entries that no longer exist, for as long as the stream lives.
# Workaround: the lag is at most XLEN, and 0 if XRANGE finds no entry after last-delivered-id; XGROUP SETID with ENTRIESREAD corrects it.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download redis-server redis-tools liblzf1 libjemalloc2 >/dev/null 2>&1
for deb in *.deb; do dpkg-deb -x "$deb" .; done
LD_LIBRARY_PATH=$(dirname "$(find . -name 'liblzf.so.1' | head -1)")
export LD_LIBRARY_PATH=$PWD/${LD_LIBRARY_PATH#./}
usr/bin/redis-server --version | grep -q "v=7.0.15"
usr/bin/redis-server --port 0 --unixsocket "$dir/socket" --save '' >log 2>&1 &
server=$!
redis() { usr/bin/redis-cli -s "$dir/socket" "$@"; }
until redis ping 2>/dev/null | grep -q PONG; do kill -0 $server; done
lag() { redis xinfo groups "$1" | tail -1; }
begin() {
  redis xgroup create "$1" workers 0 mkstream
  for i in 1 2 3 4 5 6 7 8 9 10; do redis xadd "$1" "$i-0" job "$i"; done
  redis xreadgroup group workers one count 2 streams "$1" '>'
}
begin trimmed >/dev/null
begin deleted >/dev/null
redis xtrim trimmed maxlen 3 >/dev/null
redis xdel deleted 5-0 >/dev/null
seen="trimmed: length $(redis xlen trimmed), lag $(lag trimmed)
deleted: length $(redis xlen deleted), lag $(lag deleted)"
rest=$(redis xreadgroup group workers one streams trimmed '>' | grep -c -- -0)
seen+="
trimmed: the other $rest delivered, lag $(lag trimmed)"
redis xadd trimmed 11-0 job 11 >/dev/null
seen+="
trimmed: one more, lag $(lag trimmed)"
echo "$seen"
[ "$seen" = 'trimmed: length 3, lag 8
deleted: length 9, lag 
trimmed: the other 3 delivered, lag 5
trimmed: one more, lag 6' ]
