# Completion of cginit(8) for fish.

# The init and its arguments before the cursor, one a line; false if there is no init yet.
function __cginit_given
    set -l words (commandline -opc)
    set -e words[1]
    while string match -q -- '-?*' $words[1]
        contains -- $words[1] $__cginit_valued; and set -e words[1]
        set -e words[1]
    end
    set -q words[1]; and printf '%s\n' $words
end

# The value under the cursor, without the option before it.
function __cginit_word
    string replace -r -- '^--[^=]*=' '' (commandline -ct)
end

# __cginit_list VALUES LIST: offers the values, which stand for themselves, and those of the list, which can be given together,
# separated by commas.
function __cginit_list
    set -l values (string split ' ' -- $argv[1])
    set -l list (string split ' ' -- $argv[2])
    set -l given (string match -r -- '^.*,' (__cginit_word))
    if test -z "$given"
        printf '%s\n' $values $list
        return
    end
    set -l words (string split , -- $given)
    contains -- $words[1] $values; and return
    for value in $list
        contains -- $value $words; or echo $given$value
    end
end

function __cginit_directories
    __fish_complete_directories (__cginit_word) ''
end

# Offers inits: without a word those where cginit looks for one.
function __cginit_inits
    set -l word (commandline -ct)
    set -l places
    for place in $__cginit_init_places
        test -x $place; and set -a places $place
    end
    if test -z "$word"; and set -q places[1]
        printf '%s\n' $places
        return
    end
    string match -q -- '-*' $word; and return
    if not string match -q -- '*/*' $word
        for name in (complete -C "$word" | string split -f 1 \t)
            command -sq -- $name; and echo $name
        end
    end
    __fish_complete_path $word
end

# What the init itself completes.
function __cginit_arguments
    set -l line (string escape -- (__cginit_given)) (commandline -ct)
    complete -C "$line"
end

# table: generated from src/cli/options.toml by src/cli/generate_options.py
set -l controllers 'blkio cpu cpuacct cpuset devices dmem freezer hugetlb io memory misc net_cls net_prio perf_event
    pids rdma'
set -l capabilities 'AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
    DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN
    NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT
    SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM'
set -l init_kinds 'systemd sysvinit busybox openrc runit s6 finit dinit dockerd podman k3s other unknown'
set -g __cginit_init_places /sbin/init /usr/sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd /etc/init \
    /bin/init
# Their values can stand in a word of their own.
set -g __cginit_valued --layout --method --inner --writable --delegate --max-cgroups --max-depth --copy-limits \
    --on-failure --keep-mount --tmpfs --sys --propagation --ttys --drop-cap --root --init-traits --log-level
complete -c cginit -n 'not __cginit_given' -l layout -kxa 'auto host unified hybrid legacy' -d 'the hierarchies that the init gets to see'
complete -c cginit -n 'not __cginit_given' -l method -kxa 'auto namespace bind remount userns none' -d 'how the view becomes private and writable'
complete -c cginit -n 'not __cginit_given' -l inner -kxa 'auto never' -d 'one cgroup level between the engine\'s limits and the init'
complete -c cginit -n 'not __cginit_given' -l writable -kxa "(__cginit_list 'all tracking' '$controllers')" -d 'the controllers that the init may set'
complete -c cginit -n 'not __cginit_given' -l delegate -kxa "(__cginit_list 'auto all none' '$controllers')" -d 'make the controllers ready for an init that does not do so itself'
complete -c cginit -n 'not __cginit_given' -l max-cgroups -kxa 'max' -d 'how many v2 cgroups the container can have'
complete -c cginit -n 'not __cginit_given' -l max-depth -kxa 'max' -d 'how many levels of cgroups the container can have'
complete -c cginit -n 'not __cginit_given' -l copy-limits -kxa 'auto never' -d 'copies of the limits where programs look for them'
complete -c cginit -n 'not __cginit_given' -l allow-host-cgroup -d 'permit a cgroup at the host\'s root'
complete -c cginit -n 'not __cginit_given' -l on-failure -kxa 'exit continue' -d 'what comes of the init when the view cannot be had'
complete -c cginit -n 'not __cginit_given' -l keep-mount -xa '(__cginit_directories)' -d 'leave the cgroup mounts at or below PATH as they are'
complete -c cginit -n 'not __cginit_given' -l tmpfs -kxa "(__cginit_list 'auto never' '/run /run/lock /tmp /var/log/journal')" -d '/run, /run/lock and /tmp as tmpfs'
complete -c cginit -n 'not __cginit_given' -l sys -kxa 'auto keep' -d '/sys read-only'
complete -c cginit -n 'not __cginit_given' -l propagation -kxa 'auto keep' -d 'the mount tree shared, for what runs in namespaces below'
complete -c cginit -n 'not __cginit_given' -l ttys -kxa 'auto keep' -d 'the host\'s terminals /dev/tty0 to tty63 out of sight'
complete -c cginit -n 'not __cginit_given' -l drop-cap -kxa "$capabilities" -d 'take this capability from the init, right before it starts'
complete -c cginit -n 'not __cginit_given' -l ignore-variables -d 'the CGINIT_ variables set nothing'
complete -c cginit -n 'not __cginit_given' -l dry-run -d 'print the plan'
complete -c cginit -n 'not __cginit_given' -l explain -ka 'text json' -d 'say whether the init would get its view, and what is missing'
complete -c cginit -n 'not __cginit_given' -l capture -F -d 'write the facts for a report, to standard output or to FILE'
complete -c cginit -n 'not __cginit_given' -l root -rF -d 'read the facts from FILE, a capture'
complete -c cginit -n 'not __cginit_given' -l init-traits -kxa "$init_kinds" -d 'the init that the capture of --root does not hold'
complete -c cginit -n 'not __cginit_given' -l log-level -kxa 'info debug warning error off' -d 'what is written to standard error'
complete -c cginit -n 'not __cginit_given' -s v -l verbose -d 'the same as --log-level=debug'
complete -c cginit -n 'not __cginit_given' -s q -l quiet -d 'the same as --log-level=warning'
complete -c cginit -n 'not __cginit_given' -s h -l help -d 'print the options'
complete -c cginit -n 'not __cginit_given' -l version -d 'print the version'
# end of table
complete -c cginit -f -k -n 'not __cginit_given' -a '(__cginit_inits)'
complete -c cginit -f -n __cginit_given -a '(__cginit_arguments)'
