# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Source this file after realm_start. It makes more tickets and keys, in the folder of the realm. kerberos_tests uses them in
# the place of alice's ticket and of the service's key.

# kerberos_realm PASSWORD SERVICE OTHER_SERVICE: makes these files. PASSWORD is the password of alice and of the other users.
kerberos_realm() {
    local dir password=$1 server=$2 other=$3
    dir=$(dirname "$KRB5_CONFIG")
    # ticket FILE COMMAND...: writes a ticket of alice's to the file. The command is kinit, or a command that runs kinit.
    ticket() {
        local file=$dir/$1
        shift
        "$@" -c "$file" alice <<<"$password" >/dev/null
    }
    ticket expired.ticket kinit -l 1s
    ticket early.ticket kinit -s 1h
    ticket fresh.ticket kinit
    # A client whose clock was one hour slow at logon and is correct now. The client still adds this hour to its time.
    ticket skewed.ticket faketime -f -1h kinit
    cp "$dir/skewed.ticket" "$dir/skewed_service.ticket"
    logged faketime -f -1h kvno -c "$dir/skewed_service.ticket" "$server"
    cp "$dir/fresh.ticket" "$dir/service.ticket"
    logged kvno -c "$dir/service.ticket" "$server"

    logged kadmin.local ktadd -norandkey -k "$dir/other.keytab" "$other"
    # keys FILE VERSION: writes a keytab for the service's name. Its key comes from another password.
    keys() {
        printf 'addent -password -p %s -k %s -e aes256-cts-hmac-sha1-96\nnot it\nwrite_kt %s\n' \
            "$server" "$2" "$dir/$1" | ktutil >/dev/null
    }
    local version
    version=$(klist -k "$dir/service.keytab" | awk -v name="$server@" 'index($2, name) == 1 { print $1; exit }')
    keys wrong.keytab "$version"
    keys old.keytab $((version - 1))

    # A user who must prove the knowledge of the password before the KDC sends a ticket.
    logged kadmin.local addprinc -pw "$password" +requires_preauth careful
    # A user whose tickets expire so soon that a test can wait for it.
    logged kadmin.local addprinc -pw "$password" -maxlife '5 seconds' brief
    # A configuration of the realm in which no KDC can be reached.
    sed 's/kdc = .*/kdc = 127.0.0.1:1/' "$KRB5_CONFIG" >"$dir/no_kdc.conf"
    while klist -s -c "$dir/expired.ticket"; do sleep 0.1; done
}
