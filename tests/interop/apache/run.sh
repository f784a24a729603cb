#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with Apache and mod_auth_gssapi. The first client is curl, then the client with sspan, with each type of session key.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs apache2 libapache2-mod-auth-gssapi curl
server=HTTP/server.sspan.test
principal "$server"
principal HTTP/other.sspan.test

dir=$scratch/apache
chmod 711 "$scratch"
mkdir -p "$dir/pages"
logged kadmin.local ktadd -norandkey -k "$dir/keytab" "$server"
cp "$KRB5_CONFIG" "$dir/krb5.conf"
printf 'the page\n' | tee "$dir/pages/page" "$dir/pages/bound" >"$dir/pages/bobs"
port=$(free_port)
{
    # As root, Apache needs another user for its processes.
    [[ $(id -u) -ne 0 ]] || printf 'User www-data\nGroup www-data\n'
    modules=/usr/lib/apache2/modules
    for module in mpm_prefork authn_core authz_core authz_user headers auth_gssapi; do
        printf 'LoadModule %s_module %s/mod_%s.so\n' "$module" "$modules" "$module"
    done
    cat <<CONFIG
Listen 127.0.0.1:$port
ServerName server.sspan.test
ServerRoot "$dir"
PidFile "$dir/pid"
DefaultRuntimeDir "$dir"
ErrorLog "$dir/log"
LogLevel warn auth_gssapi:debug
DocumentRoot "$dir/pages"
StartServers 2
<Location />
    AuthType GSSAPI
    AuthName "sspan"
    GssapiCredStore keytab:$dir/keytab
    Require valid-user
    Header always set X-User "expr=%{REMOTE_USER}"
</Location>
<Location /bound>
    GssapiCredStore keytab:$dir/keytab
    GssapiConnectionBound On
</Location>
<Location /bobs>
    Require user bob@SSPAN.TEST
</Location>
CONFIG
} >"$dir/apache.conf"
[[ $(id -u) -ne 0 ]] || chown -R www-data:www-data "$dir"
# setsid gives Apache its own process group, because Apache kills its group when it ends.
KRB5_CONFIG=$dir/krb5.conf KRB5RCACHENAME=file2:$dir/replays setsid apache2 -f "$dir/apache.conf" -DFOREGROUND \
    >"$dir/out" 2>&1 </dev/null &
started+=("$!")
wait_for "$dir/log" 'resuming normal operations' "$!"

said=$(timeout 60 curl --silent --include --negotiate --user : --noproxy '*' \
    --resolve "server.sspan.test:$port:127.0.0.1" "http://server.sspan.test:$port/page") || true
[[ $said == *'X-User: alice@SSPAN.TEST'*'the page' ]] || fail "curl cannot talk to the server: $said $(cat "$dir/log")"

talk() { google_tests "$1" interop/interop_apache "$port"; }
everywhere "$server" interop_apache talk
[[ $failed -eq 0 ]] || tail -n 60 "$dir/log"

totals
