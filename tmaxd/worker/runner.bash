#!/usr/bin/env bash
# The runner of a `task:` group: `runner.bash ARGV…` runs ARGV once for each task, and reports it over the
# FIFOs of docs/protocol.md (tab-separated form). It forks nothing but the task.
#
#   payload   replaces each {payload} in ARGV, as (part of) one argument that no shell reads again; where ARGV
#             has no {payload} it is on standard input. Also in TMAX_PAYLOAD, up to 100 KiB.
#   result    the file $TMAX_RESULT if the task wrote it, else the tail of standard output.
#   status    0 done, 75 try again later, anything else failed.
#
# Needs bash 5.1 (here-strings as pipes) and /proc. All sizes are bytes: the runner works in the C locale, and
# leaves the task's own as it is. Bash copies a function each time it is called, and after a fork each page that is
# touched is copied as well: so a plain task runs through no function, and all else stands in runner_task.bash.

TASKS=3 CONTROL=4 RESULTS=5 OUTPUT=6 NOTHING=9 # file descriptors; 7 and 8 are the task's output and input
FRAME=4096                                     # bytes of a line with its newline (PIPE_BUF)
TAIL=3000                                      # of standard output, kept as the result
ARGUMENT=131071                                # the longest argument Linux takes (MAX_ARG_STRLEN)
VARIABLE=102400                                # the longest payload put into the environment
BEAT=10 GRACE=500                              # seconds between heartbeats; centiseconds from TERM to KILL

leave() {
  printf 'tmaxd runner: %s\n' "$1" >&2
  exit 2
}

((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)) || leave "bash 5.1 or newer is needed, this is $BASH_VERSION"
(($#)) || leave 'no command given; it is started as: bash runner.bash COMMAND [ARGUMENT…]'
[[ -n ${TMAX_PIPES-} && -n ${TMAX_SPOOL-} ]] || leave \
  'TMAX_PIPES or TMAX_SPOOL is not set; name the command under `task:` in tmax.yaml, and tmaxd starts this program'

case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
  *[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*) MARKS=('▶' '✔' '✘') ;;
  *) MARKS=('>' '+' '!') ;;
esac
locale=${LC_ALL-} locale_set=${LC_ALL+1}
LC_ALL=C
shopt -s extglob
shopt -u patsub_replacement 2>/dev/null # 5.2: else an & in a payload would mean the match
# shellcheck source=runner_task.bash
source "${BASH_SOURCE[0]%/*}/runner_task.bash" || leave 'runner_task.bash is missing beside it'
set -m            # each task gets a process group of its own,
trap '' TTIN TTOU # and reading or setting the terminal fails there, instead of stopping it for ever
export TMAX_TASK TMAX_ATTEMPT TMAX_RESULT

template=("$@")
[[ "$*" == *'{payload}'* ]] && by_argument=1 || by_argument=
window=${TMAX_WINDOW-}
[[ $window == [1-9]*([0-9]) ]] || window=1
declare -A memory=()     # id-attempt → the result frame, for the last 2 * $window tasks
declare -A place=()      # id-attempt → where in the ring it stands last
ring=() next=0           # their keys, and where the next one goes
used=()                  # result files that are not needed any more
control_rest= skipped=0 beat=$EPOCHSECONDS pid=

# open NAME FD: read-write, so that nothing blocks, nothing is lost while no daemon runs, and there is no EOF
open() {
  local path=$TMAX_PIPES/$1.pipe
  [[ -p $path ]] || leave "$path is not a FIFO"
  eval "exec $2<>\"\$path\"" || leave "$path cannot be opened"
}

# A FIFO that was deleted or replaced is made anew by the daemon, and the one we hold leads nowhere. Results may
# be lost with the old one, so those we remember go out again. Called when the tasks FIFO is empty.
renew() {
  local name fd key
  for name in tasks control results; do
    case $name in tasks) fd=$TASKS ;; control) fd=$CONTROL ;; results) fd=$RESULTS ;; esac
    [[ -p $TMAX_PIPES/$name.pipe && ! $TMAX_PIPES/$name.pipe -ef /proc/self/fd/$fd ]] || continue
    open $name $fd
    case $name in
      control) control_rest= ;;
      results)
        printf '\n' >&$RESULTS
        for key in "${!memory[@]}"; do printf '%s\n' "${memory[$key]}" >&$RESULTS; done
        ;;
    esac
  done
}

# remember KEY FRAME: a result that is sent again counts as the latest
remember() {
  local old=${ring[next]-}
  [[ -z $old || ${place[$old]} != "$next" ]] || unset "memory[$old]" "place[$old]"
  ring[next]=$1 place[$1]=$next memory[$1]=$2 next=$(((next + 1) % (2 * window)))
}

heartbeat() {
  printf 'heartbeat\t1\t%s\n' "$window" >&$RESULTS
  beat=$EPOCHSECONDS
}

heartbeat_if_due() {
  local since=$((EPOCHSECONDS - beat))
  ((since >= 0 && since < BEAT)) || heartbeat # negative: the clock was set back
}

# listen SECONDS: wait so long for one control frame
listen() {
  local line
  IFS= read -r -t "$1" -u $CONTROL line
  if (($? > 128)); then
    control_rest=${control_rest:0:FRAME}$line
    return
  fi
  line=$control_rest$line control_rest=
  case $line in
    ping) heartbeat ;;
    ?*) skip "$line" ;;
  esac
}

skip() {
  ((skipped++, skipped & (skipped - 1))) || # the 1st, 2nd, 4th, 8th …: never a flood
    printf 'tmaxd runner: skipped a line that is no frame (%d so far): %q\n' "$skipped" "${1:0:80}" >&2
}

# idle STATUS: nothing came for BEAT seconds
idle() {
  (($1 > 128)) || leave "the tasks FIFO cannot be read (status $1)"
  heartbeat
  renew
  sweep
}

quit() {
  trap '' HUP INT TERM
  [[ -z $pid ]] || { signal_group TERM; signal_group CONT; }
  sweep
  exit "$1"
}

NUMBER='[1-9]*([0-9])'
TASK=$'task?(_file)\t'$NUMBER$'\t'$NUMBER$'\t@(-|+([0-9])?(.+([0-9])))\t*'

open tasks $TASKS
open control $CONTROL
open results $RESULTS
exec 9</dev/null
new_output
trap 'quit 129' HUP
trap 'quit 130' INT
trap 'quit 143' TERM
# The newline ends a line that a dead predecessor may have left torn.
printf '\nready\t1\t%s\n' "$window" >&$RESULTS

while :; do
  while read -t 0 -u $CONTROL; do listen 1; done
  # Only the first byte is waited for with a limit, which makes each byte three times as expensive: the rest of a line
  # is there or on its way, and if its writer died over it, the next one begins with a newline.
  # A byte that comes as the time runs out is read, and the status says timeout all the same (bash 5.2).
  IFS= read -r -N 1 -t $BEAT -u $TASKS first
  status=$?
  [[ $status == 0 || -n $first ]] || { idle $status; continue; }
  [[ $first != $'\n' ]] || continue
  IFS= read -r -u $TASKS line
  line=$first$line
  # shellcheck disable=SC2053  # a pattern
  if ((${#line} >= FRAME)) || [[ $line != $TASK ]]; then
    skip "$line"
    continue
  fi
  kind=${line%%$'\t'*} line=${line#*$'\t'}
  TMAX_TASK=${line%%$'\t'*} line=${line#*$'\t'}
  TMAX_ATTEMPT=${line%%$'\t'*} line=${line#*$'\t'}
  limit=${line%%$'\t'*} field=${line#*$'\t'}
  key=$TMAX_TASK-$TMAX_ATTEMPT
  if [[ -n ${memory[$key]+x} ]]; then
    printf '%s\n' "${memory[$key]}" >&$RESULTS # a new daemon does not know that it is done
    remember "$key" "${memory[$key]}"
    continue
  fi

  began=${EPOCHREALTIME/[.,]/} looked=$EPOCHSECONDS
  stdin=$NOTHING payload=$field output= error= expired= deadline= slice=0.5
  TMAX_RESULT=$TMAX_SPOOL/task-$key.result
  printf 'started\t%s\t%s\n' "$TMAX_TASK" "$TMAX_ATTEMPT" >&$RESULTS
  printf '%s task %s (attempt %s)\n' "${MARKS[0]}" "$TMAX_TASK" "$TMAX_ATTEMPT"
  [[ $field != *\\* ]] || printf -v payload %b "$field"
  export TMAX_PAYLOAD=$payload
  if [[ -n $by_argument && $kind == task ]] || prepare; then
    exec 7>/proc/self/fd/6
    if [[ -z $locale_set ]]; then
      exec "${template[@]//'{payload}'/"$payload"}" <&$stdin >&7 3<&- 4<&- 5<&- 6<&- 7>&- 8<&- 9<&- &
    else
      LC_ALL=$locale exec "${template[@]//'{payload}'/"$payload"}" <&$stdin >&7 3<&- 4<&- 5<&- 6<&- 7>&- 8<&- 9<&- &
    fi
    pid=$!
    exec 7>&-
    [[ $limit == - ]] || parse_timeout
    IFS= read -r -N 1 -t $slice -u $OUTPUT first
    status=$?
    if ((status != 1)) || alive; then follow; fi
    wait "$pid"
    status=$?
    pid=
    if ((status == 0)) && [[ -z $output$expired && ! -e $TMAX_RESULT ]]; then
      frame=done$'\t'$TMAX_TASK$'\t'$TMAX_ATTEMPT$'\t'
    else
      conclude
    fi
  else
    fail failed
  fi
  printf '%s\n' "$frame" >&$RESULTS
  took=$((${EPOCHREALTIME/[.,]/} - began))
  printf -v took '%d.%02d' $((took / 1000000)) $((took / 10000 % 100))
  if [[ -z $error ]]; then
    printf '%s done in %s s\n' "${MARKS[1]}" "$took"
  else
    printf '%s failed in %s s: %s\n' "${MARKS[2]}" "$took" "$error"
  fi
  remember "$key" "$frame"
  ((EPOCHSECONDS - beat < BEAT && EPOCHSECONDS >= beat)) || heartbeat
done
