# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Source this file after environment.sh. It makes a Debian in a folder, with a copy of the tree. It needs root's rights or sudo.

as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)

# Prefix for a command: gives it its own mounts and processes. They end when the command ends, even if it is killed.
readonly apart=("${as_root[@]}" unshare --mount --pid --fork --kill-child --)

# mirror: prints the URL of the mirror from which this system installs Debian packages.
mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sort -u | sed 1q
}

# root_open NAME: locks a folder for a root until the script ends. Sets $root, the folder; $root_tree, the copy of the tree in
# it; and the prefix "${in_root[@]}", which runs a command in the root. Of the environment it passes on only http_proxy.
root_open() {
    install_missing debootstrap rsync
    "${apart[@]}" true 2>/dev/null || fail 'a Debian in a folder needs the right to mount; this system does not allow it'
    root=${XDG_CACHE_HOME:-$HOME/.cache}/sspan/$1
    root_tree=$root/srv/tree
    # shellcheck disable=SC2016,SC2034 # the inner shell expands these; the scripts that source this file use it
    in_root=("${apart[@]}" bash -euc '
        mount -t proc proc "$0/proc"
        exec chroot "$0" env -i --chdir=/srv/tree HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"'
        "$root" ${http_proxy:+"http_proxy=$http_proxy"})
    mkdir -p "${root%/*}"
    exec 8>"$root.lock"
    flock -n 8 || {
        printf 'waiting for another script that works in %s\n' "$root"
        flock -w 1200 8 || fail 'the other script has not ended'
    }
}

# root_make RELEASE: makes a Debian of this release with the essential packages only, if the root is missing or incomplete.
# Then it copies the tree into the root. Files that did not change keep their time, so that a build compiles only changes.
root_make() {
    local complete=$root/sspan-root site
    if [[ ! -e $complete ]]; then
        site=$(mirror)
        [[ $site ]] || logged "${as_root[@]}" apt-get update
        site=$(mirror)
        [[ $site ]] || fail 'apt-get does not report the mirror of this system'
        printf 'making a Debian in %s\n' "$root"
        root_remove
        logged timeout --kill-after=10 900 "${apart[@]}" debootstrap --variant=minbase "$1" "$root" "$site"
        "${as_root[@]}" mkdir -p "$root_tree"
        "${as_root[@]}" touch "$complete"
    fi
    logged "${as_root[@]}" rsync --recursive --links --perms --checksum --delete --exclude=/build --exclude=/.git ./ "$root_tree/"
}

# root_install PACKAGE...: runs install_missing in the root.
root_install() {
    # shellcheck disable=SC2016 # the inner shell expands it
    logged timeout --kill-after=10 900 "${in_root[@]}" bash -c '
        . tests/environment.sh
        install_missing "$@"
        apt-get clean' install "$@"
}

# root_backport RELEASE PACKAGE...: installs packages from the backports of the root's release.
root_backport() {
    local site
    site=$(mirror)
    # shellcheck disable=SC2016 # the inner shell expands it
    logged timeout --kill-after=10 900 "${in_root[@]}" bash -euc '
        site=$1 backports=$2-backports
        shift 2
        [[ $(dpkg-query -W -f "\${Version} " "$@") != *~bpo* ]] || exit 0
        printf "deb %s %s main\n" "$site" "$backports" >"/etc/apt/sources.list.d/$backports.list"
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -t "$backports" "$@"
        apt-get clean' backport "$site" "$@"
}

root_remove() {
    "${as_root[@]}" rm -rf --one-file-system "$root"
}
