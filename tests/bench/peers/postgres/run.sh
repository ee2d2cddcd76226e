#!/bin/bash
# PostgreSQL 15 with a function in PL/pgSQL and a prepared statement, synchronous_commit on. It refuses to run as root, so root drops to
# the user postgres; others run it as themselves.
# shellcheck source=tests/bench/peers/common.sh
. "${0%/*}/../common.sh"
bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}
# shellcheck disable=SC2034 # of common.sh
as=() signal=INT
rm -rf "$work/postgres"
mkdir "$work/postgres"
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid postgres --regid postgres --init-groups env HOME="$work/postgres")
    chmod a+x "$work"
    chown postgres: "$work/postgres"
fi
here=$(cd "${0%/*}" && pwd)
cd "$work/postgres" # the user postgres may not be allowed in where we are
"${as[@]}" "$bin/initdb" -D "$work/postgres/data" -U postgres -A trust -E UTF8 --locale=C > initdb.out 2>&1 || { cat initdb.out >&2; exit 1; }
cat >> data/postgresql.conf << C
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$work/postgres'
max_connections = 200
shared_buffers = 1GB
wal_buffers = 64MB
max_wal_size = 16GB
checkpoint_timeout = 30min
synchronous_commit = on
jit = off
enable_seqscan = off
C
"${as[@]}" "$bin/postgres" -D "$work/postgres/data" > "$work/postgres.out" 2>&1 &
pid=$!
query() { psql -q -v ON_ERROR_STOP=1 -U postgres -h 127.0.0.1 -p "$port" "$@" > /dev/null; }
until_true "$bin/pg_isready" -h 127.0.0.1 -p "$port"
query -f "$here/dispatch.sql"
query -c "\copy near FROM '$work/csv/neighbours.csv' CSV" -c "\copy given FROM '$work/csv/stock.csv' CSV"
query -c "INSERT INTO stock SELECT kind, city, units, floor, units FROM given ORDER BY kind, city"
query -c "ANALYZE stock" -c "ANALYZE near" -c CHECKPOINT
load postgres postgres "$work/postgres"
stop
rm -rf "$work/postgres"
