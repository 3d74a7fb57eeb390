#!/bin/bash
# What cginit does on the layout of container.h, as one would write it with bash, coreutils and util-linux. Files are read
# and written by bash itself; what needs a program is mount, umount, mkdir, rmdir, ln, readlink and unshare.
set -eu

bench=/proc/driver
view=/sys/fs/cgroup
strict=nosuid,nodev,noexec,relatime
stage=${CGROUP_STAGE-see}

# Fills shown, guarded and sealed with sets of controllers: 4:memory:/docker/3aef. A container that froze itself could not be
# killed.
find_hierarchies() {
    shown=() guarded=() sealed=,
    local mounts names
    mounts=$(</proc/self/mountinfo)
    while IFS=: read -r _ names _; do
        [[ -n $names && $mounts == *" $view/${names#name=} "* ]] || continue
        shown+=("$names")
        case ,$names, in
            *,blkio,* | *,net_cls,* | *,net_prio,*) sealed+=$names, ;;
            ,name=* | ,perf_event,) ;;
            *,freezer,*) guarded+=("$names") sealed+=$names, ;;
            *) guarded+=("$names") ;;
        esac
    done </proc/self/cgroup
}

# Programs look for their limits at their own root.
copy_limits() { # FILE...
    local file limit own
    for file in "$@"; do
        [[ -e $file ]] || continue
        read -r limit <"$file"
        read -r own <"cginit/$file"
        [[ $limit = "$own" ]] || echo "$limit" >"cginit/$file"
    done
}

# The limits stay one level above what the init will see.
make_inner_levels() {
    local names file value pid pids
    cd $bench/engine
    mkdir "${guarded[@]}"
    for names in "${guarded[@]}"; do
        mount -n -t cgroup -o "$names,$strict" cginit "$bench/engine/$names"
    done
    mkdir "${guarded[@]/%//cginit}"
    for names in "${guarded[@]}"; do
        cd "$bench/engine/$names"
        if [[ ,$names, == *,cpuset,* ]]; then
            for file in cpuset.cpus cpuset.mems; do
                read -r value <$file
                echo "$value" >cginit/$file
            done
        fi
        while mapfile -t pids <cgroup.procs && [ ${#pids[@]} -gt 0 ]; do
            for pid in "${pids[@]}"; do
                echo "$pid" >cginit/cgroup.procs
            done
        done
        case ,$names, in
            *,memory,*) copy_limits memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes ;;&
            *,pids,*) copy_limits pids.max ;;
        esac
    done
    cd /
}

build_view() {
    local names options source
    # pid:[4026532181]: whose the view is.
    source=$(readlink /proc/self/ns/pid)
    source=cginit:${source#pid:}
    mkdir $bench/new $bench/run $bench/old
    mount -n -t tmpfs -o "mode=755,size=1m,$strict" "$source" $bench/new
    cd $bench/new
    mkdir "${shown[@]#name=}"
    for names in "${shown[@]}"; do
        options=$names,$strict
        [[ $names != name=* ]] || options=none,$options
        [[ $sealed != *,$names,* ]] || options=ro,$options
        mount -n -t cgroup -o "$options" "$source" "$bench/new/${names#name=}"
    done
    ln -s net_cls,net_prio net_cls
    ln -s net_cls,net_prio net_prio
    cd /
    mount -n -o "remount,bind,ro,$strict" $bench/new
    mount -n -t tmpfs -o mode=755,size=20%,nr_inodes=800k,nosuid,nodev,strictatime cginit $bench/run
    mkdir $bench/run/lock $bench/tmp
    mount -n -t tmpfs -o mode=1777,size=5m,nosuid,nodev,noexec,strictatime cginit $bench/run/lock
    mount -n -t tmpfs -o mode=1777,size=50%,nr_inodes=1m,nosuid,nodev,strictatime cginit $bench/tmp
    mount -n --move $view $bench/old
    mount -n --move $bench/new $view
    mount -n --move $bench/run /run
    mount -n --move $bench/tmp /tmp
}

verify() {
    local names probes=() pids
    for names in "${shown[@]}"; do
        mapfile -t pids <"$view/${names#name=}/cgroup.procs"
        [[ " ${pids[*]} " == *" $$ "* ]]
        [[ $sealed == *,$names,* ]] || probes+=("$view/${names#name=}/cginit-probe")
    done
    mkdir "${probes[@]}"
    rmdir "${probes[@]}"
    while read -r _ _ root point _; do
        [[ $point != $view* || $root == / ]]
    done </proc/self/mountinfo
}

find_hierarchies
case $stage in
    see)
        mount -n -t tmpfs -o "mode=700,size=1m,$strict" cginit $bench
        mkdir $bench/engine
        CGROUP_STAGE=move exec unshare --cgroup "$0" "$@"
        ;;
    move)
        make_inner_levels
        CGROUP_STAGE=build exec unshare --cgroup "$0" "$@"
        ;;
    build)
        unset CGROUP_STAGE
        build_view
        verify
        umount -n -l $bench
        mount -n --make-rshared /
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            # 255 is bash's own script, closed on exec.
            [[ $fd -le 2 || $fd = 255 ]] || eval "exec $fd>&-"
        done
        export container=oci container_uuid=057d4596-12d8-9284-6907-831574665767
        exec "$@"
        ;;
esac
