# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# To be sourced after environment.sh: a Debian in a folder of its own, with a copy of the tree. It takes root's rights, or sudo.

as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)

# Before a command: mounts and processes of its own, which end with it in whatever way it ends.
readonly apart=("${as_root[@]}" unshare --mount --pid --fork --kill-child --)

# The mirror that this system has Debian from.
mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sort -u | sed 1q
}

# root_open NAME: locks a folder for a root until the script ends. Then $root is the folder, $root_tree is its copy of the tree,
# and "${in_root[@]}" before a command runs it there, with no more of the environment than the way to the mirror.
root_open() {
    install_missing debootstrap rsync
    "${apart[@]}" true 2>/dev/null || fail 'a Debian in a folder takes the right to mount, which this system does not give'
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
        flock -w 1200 8 || fail 'it has not ended'
    }
}

# root_make RELEASE: makes a Debian of this release, with the essential packages only, if there is none or an incomplete one.
# Then copies the tree into it. Files that are the same keep their time, so that a build goes on from the last one.
root_make() {
    local complete=$root/sspan-root site
    if [[ ! -e $complete ]]; then
        site=$(mirror)
        [[ $site ]] || logged "${as_root[@]}" apt-get update
        site=$(mirror)
        [[ $site ]] || fail 'apt-get does not say where this system has Debian from'
        printf 'making a Debian in %s\n' "$root"
        root_remove
        logged timeout --kill-after=10 900 "${apart[@]}" debootstrap --variant=minbase "$1" "$root" "$site"
        "${as_root[@]}" mkdir -p "$root_tree"
        "${as_root[@]}" touch "$complete"
    fi
    logged "${as_root[@]}" rsync --recursive --links --perms --checksum --delete --exclude=/build --exclude=/.git ./ "$root_tree/"
}

# root_install PACKAGE...: install_missing in the root.
root_install() {
    # shellcheck disable=SC2016 # the inner shell expands it
    logged timeout --kill-after=10 900 "${in_root[@]}" bash -c '
        . tests/environment.sh
        install_missing "$@"
        apt-get clean' install "$@"
}

root_remove() {
    "${as_root[@]}" rm -rf --one-file-system "$root"
}
