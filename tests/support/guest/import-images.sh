#!/bin/bash
# import-images.sh TREE: imports TREE/images into the stores of TREE's own Docker and Podman, in namespaces that see
# nothing but TREE. No container is run and no cgroup is made.
set -euo pipefail

# A root file system of its own and not a chroot: engines pivot into what they unpack.
enter() {
    local device
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    # To read only: the hierarchies below are the machine's.
    mount --rbind /sys sys
    mount --make-rprivate sys
    mount -o remount,bind,ro sys
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    for device in null zero full random urandom fuse; do
        [ -e "/dev/$device" ] || continue
        : >"dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    ln -s /proc/self/fd dev/fd
    mkdir dev/shm run/lock run/old
    mount -t tmpfs tmpfs dev/shm
    cp "$self" run/import-images.sh
    pivot_root . run/old
    cd /
    umount -l run/old
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash run/import-images.sh --inside
}

import_all() { # ENGINE...
    local tarball name
    for tarball in /images/*.tar; do
        name=${tarball##*/}
        # As tests/e2e/harness/engines.py does.
        "$@" import --change 'ENTRYPOINT ["/cginit"]' --change 'CMD ["/sbin/init"]' "$tarball" "e2e/${name%.tar}:latest"
    done
}

docker_store() {
    local daemon status=0
    dockerd --host unix:///run/import.sock --exec-root /run/import --pidfile /run/import.pid >/run/dockerd.log 2>&1 &
    daemon=$!
    until docker --host unix:///run/import.sock version >/dev/null 2>&1; do
        kill -0 "$daemon" || {
            cat /run/dockerd.log
            return 1
        }
        sleep 0.1
    done
    import_all docker --host unix:///run/import.sock || status=$?
    kill "$daemon"
    wait "$daemon" || true
    return "$status"
}

self=$(readlink -f "$0")
case $1 in
    --entered) enter "$2" ;;
    --inside)
        ip link set lo up || true
        docker_store
        import_all podman --cgroup-manager cgroupfs
        ;;
    *)
        exec unshare --mount --propagation private --pid --net --ipc --uts --fork --kill-child \
            "$self" --entered "$(readlink -f "$1")"
        ;;
esac
