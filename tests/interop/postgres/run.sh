#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with PostgreSQL and GSS-API encryption. The first client is psql, then the client with sspan, with each type of session
# key.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs postgresql
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
server=postgres/server.sspan.test
principal "$server"
principal postgres/other.sspan.test

# PostgreSQL refuses to run as root.
as_server=(env)
[[ $(id -u) -ne 0 ]] || as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
dir=$scratch/postgres
chmod 711 "$scratch"
mkdir "$dir"
logged kadmin.local ktadd -norandkey -k "$dir/keytab" "$server"
cp "$KRB5_CONFIG" "$dir/krb5.conf"
[[ $(id -u) -ne 0 ]] || chown -R postgres:postgres "$dir"
logged "${as_server[@]}" "$programs/initdb" -D "$dir/data" --auth=reject --encoding=UTF8 --locale=C --no-sync
"${as_server[@]}" "$programs/postgres" --single -D "$dir/data" postgres <<<'create role alice login' >"$dir/log" 2>&1 ||
    fail "cannot make the role alice: $(cat "$dir/log")"
port=$(free_port)
cat >>"$dir/data/postgresql.conf" <<CONFIG
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
krb_server_keyfile = 'FILE:$dir/keytab'
CONFIG
printf 'hostgssenc all all 127.0.0.1/32 gss include_realm=0 krb_realm=SSPAN.TEST\n' >"$dir/data/pg_hba.conf"
"${as_server[@]}" env KRB5_CONFIG="$dir/krb5.conf" KRB5RCACHENAME="file2:$dir/replays" LC_ALL=C \
    "$programs/postgres" -D "$dir/data" >"$dir/log" 2>&1 </dev/null &
started+=("$!")
wait_for "$dir/log" 'ready to accept connections' "$!"

said=$(PGCONNECT_TIMEOUT=20 timeout 60 psql --no-psqlrc --tuples-only --no-align --command \
    'select gss_authenticated, encrypted, principal from pg_stat_gssapi where pid = pg_backend_pid()' \
    "host=server.sspan.test hostaddr=127.0.0.1 port=$port user=alice dbname=postgres gssencmode=require" 2>&1) || true
[[ $said == 't|t|alice@SSPAN.TEST' ]] || fail "psql cannot talk to the server: $said $(cat "$dir/log")"

talk() { google_tests "$1" interop/interop_postgres "$port"; }
everywhere "$server" interop_postgres talk
[[ $failed -eq 0 ]] || tail -n 60 "$dir/log"

totals
