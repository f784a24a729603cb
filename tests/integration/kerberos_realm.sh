# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# To be sourced after realm_start: the tickets and keys that kerberos_tests exchanges for alice's and for the service's,
# in the same folder.

# kerberos_realm PASSWORD SERVICE OTHER_SERVICE: makes them. The password is alice's, and the other users'.
kerberos_realm() {
    local dir password=$1 server=$2 other=$3
    dir=$(dirname "$KRB5_CONFIG")
    # ticket FILE COMMAND...: alice's, by kinit or something around it.
    ticket() {
        local file=$dir/$1
        shift
        "$@" -c "$file" alice <<<"$password" >/dev/null
    }
    ticket expired.ticket kinit -l 1s
    ticket early.ticket kinit -s 1h
    ticket fresh.ticket kinit
    # A client whose clock was an hour slow when it logged on, and has been put right: it still adds the hour.
    ticket skewed.ticket faketime -f -1h kinit
    cp "$dir/skewed.ticket" "$dir/skewed_service.ticket"
    logged faketime -f -1h kvno -c "$dir/skewed_service.ticket" "$server"
    cp "$dir/fresh.ticket" "$dir/service.ticket"
    logged kvno -c "$dir/service.ticket" "$server"

    logged kadmin.local ktadd -norandkey -k "$dir/other.keytab" "$other"
    # keys FILE VERSION: of the service's name, but from another password.
    keys() {
        printf 'addent -password -p %s -k %s -e aes256-cts-hmac-sha1-96\nnot it\nwrite_kt %s\n' \
            "$server" "$2" "$dir/$1" | ktutil >/dev/null
    }
    local version
    version=$(klist -k "$dir/service.keytab" | awk -v name="$server@" 'index($2, name) == 1 { print $1; exit }')
    keys wrong.keytab "$version"
    keys old.keytab $((version - 1))

    # Who must prove that he knows the password before he gets a ticket.
    logged kadmin.local addprinc -pw "$password" +requires_preauth careful
    # Its tickets end so soon that a test can wait for it.
    logged kadmin.local addprinc -pw "$password" -maxlife '5 seconds' brief
    # The realm without its KDC.
    sed 's/kdc = .*/kdc = 127.0.0.1:1/' "$KRB5_CONFIG" >"$dir/no_kdc.conf"
    while klist -s -c "$dir/expired.ticket"; do sleep 0.1; done
}
