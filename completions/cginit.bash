# shellcheck shell=bash
# Completion of cginit(8). bash-completion loads it by the command's name, but it uses nothing of that.

# _cginit_init WORD: offers inits; paths are left to readline.
_cginit_init() {
    local word=$1 command
    compopt -o default
    if [[ -z $word ]]; then
        compopt -o nosort 2>/dev/null
        for command in $init_places; do
            [[ ! -x $command ]] || COMPREPLY+=("$command")
        done
    elif [[ $word != */* ]]; then
        for command in $(compgen -c -- "$word"); do
            ! type -P "$command" >/dev/null || COMPREPLY+=("$command")
        done
    fi
}

# _cginit_wants_word OPTION: whether the next word is the option's value.
_cginit_wants_word() { [[ -n ${takes[$1]-} && " $optional " != *" $1 "* ]]; }

# _cginit_option WORD: offers the options in $takes that begin with WORD.
_cginit_option() {
    local word=$1 option names=()
    for option in "${!takes[@]}"; do
        _cginit_wants_word "$option" || names+=("$option")
        [[ -z ${takes[$option]} ]] || names+=("$option=")
    done
    [[ $word == --* ]] || names+=("$letters")
    mapfile -t COMPREPLY < <(compgen -W "${names[*]}" -- "$word")
    [[ ${COMPREPLY[*]} != --*= ]] || compopt -o nospace
}

# _cginit_value VALUES WORD: offers the values that begin with WORD. Those after LIST can be given together, separated by
# commas.
_cginit_value() {
    local values=$1 word=$2 given='' value
    compopt -o nosort 2>/dev/null
    if [[ $values == *LIST* ]]; then
        compopt -o nospace
        if [[ $word == *,* ]]; then
            given=${word%,*},
            values=" ${values#*LIST} "
            # A value that stands for itself begins no list.
            [[ $values == *" ${given%%,*} "* ]] || return
        fi
    fi
    for value in $values; do
        if [[ $value != LIST && ,$given != *",$value,"* && $given$value == "$word"* ]]; then
            COMPREPLY+=("$given$value")
        fi
    done
    # A version can follow.
    [[ ${COMPREPLY[*]} != systemd ]] || compopt -o nospace
}

# _cginit_words WORD: fills $words with the words up to the cursor, before which WORD stands. Bash splits at = and : too.
_cginit_words() {
    local word glue='' i
    for ((i = 1; i <= COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        [[ $i != "$COMP_CWORD" || -z ${word//[=:@]/} ]] || word=$1
        if [[ (-n $glue || $word == [=:@]*) && ${#words[@]} -gt 0 ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        glue=''
        [[ -z $word || -n ${word//[=:@]/} ]] || glue=1
    done
}

_cginit() {
    local IFS=$' \t\n'
    # table: generated from src/cli/options.toml by src/cli/generate_options.py
    local controllers='blkio cpu cpuacct cpuset devices dmem freezer hugetlb io memory misc net_cls net_prio perf_event
        pids rdma'
    local capabilities='AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
        DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD
        NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT
        SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM'
    local init_kinds='systemd sysvinit busybox openrc runit s6 finit dinit dockerd podman k3s other unknown'
    local init_places='/sbin/init /usr/sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd /etc/init /bin/init'
    # What each takes, the default first.
    local -A takes=(
        [--layout]='auto host unified hybrid legacy'
        [--method]='auto namespace bind remount userns none'
        [--inner]='auto never'
        [--writable]="all tracking LIST $controllers"
        [--delegate]="auto all none LIST $controllers"
        [--max-cgroups]='max'
        [--max-depth]='max'
        [--copy-limits]='auto never'
        [--allow-host-cgroup]=''
        [--on-failure]='exit continue'
        [--keep-mount]=DIR
        [--tmpfs]='auto never LIST /run /run/lock /tmp /var/log/journal'
        [--sys]='auto keep'
        [--propagation]='auto keep'
        [--ttys]='auto keep'
        [--drop-cap]="$capabilities"
        [--ignore-variables]=''
        [--dry-run]=''
        [--explain]='text json'
        [--capture]=FILE
        [--root]=FILE
        [--init-traits]="$init_kinds"
        [--log-level]='info debug warning error off'
        [--verbose]=''
        [--quiet]=''
        [--help]=''
        [--version]=''
    )
    local letters='-v -q -h'
    # Their values stand behind = or not at all.
    local optional='--explain --capture'
    # end of table
    local words=() word option='' kept='' i last
    _cginit_words "$2"
    last=$((${#words[@]} - 1))
    COMPREPLY=()

    # The init stands where the first word is that is neither an option nor its value.
    for ((i = 0; i < last; ++i)); do
        word=${words[i]}
        if [[ $word == -- ]]; then
            break
        elif [[ -n $word ]] && _cginit_wants_word "$word"; then
            option=$word
            ((++i))
        elif [[ $word != -?* ]]; then
            break
        fi
    done

    word=${words[last]}
    if ((i > last)); then
        : # the value of $option
    elif ((i < last)); then
        if [[ ${words[i]} == -- && $((i + 1)) == "$last" ]]; then _cginit_init "$word"; else compopt -o default; fi
        return
    elif [[ $word == --*=* ]]; then
        option=${word%%=*} word=${word#*=}
        # Readline replaces what stands behind its last break.
        [[ $COMP_WORDBREAKS == *=* ]] || kept=$option=
    elif [[ $word == -* ]]; then
        _cginit_option "$word"
        return
    else
        _cginit_init "$word"
        return
    fi
    case ${takes[$option]-} in
        '') ;;
        DIR) compopt -o dirnames ;;
        FILE) compopt -o default ;;
        *) _cginit_value "${takes[$option]}" "$word" ;;
    esac
    COMPREPLY=("${COMPREPLY[@]/#/$kept}")
}

complete -F _cginit cginit
