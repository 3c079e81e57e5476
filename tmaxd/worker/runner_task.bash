# shellcheck shell=bash
# One task of the runner: how it is started, followed and reported. Sourced by runner.bash, and works on its
# variables: a task is in `kind`, TMAX_TASK, TMAX_ATTEMPT, `limit` (seconds or -) and `field` (the payload as the
# frame has it); what comes of it is in `frame`.

SIGNALS=('' HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP
  TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS)

# A new pipe for the task's output, without a fork: a here-string is a pipe, and opening it once more through /proc
# gives its writing end. Made once; and again when a task left somebody behind who still holds the old one.
new_output() {
  exec 6<<<''
  read -r -u 6
  [[ -p /proc/self/fd/6 ]] || leave 'here-strings are not pipes in this bash'
}

# prepare: the payload of a task that comes by file or goes to standard input; false, with `error` set, when the task
# cannot be run
prepare() {
  local large=
  if [[ $kind == task_file ]]; then
    local file=$payload
    [[ -f $file && -r $file ]] || {
      error="the payload file ${file:0:1000} cannot be read"
      return 1
    }
    IFS= read -r -d '' -n $((ARGUMENT + 1)) payload <"$file" && large=1
    if ((${#payload} <= VARIABLE)); then TMAX_PAYLOAD=$payload; else unset TMAX_PAYLOAD; fi
    [[ -n $by_argument ]] || exec 8<"$file"
  else
    exec 8<<<''
    read -r -u 8
    exec 10>/proc/self/fd/8
    printf %s "$payload" >&10
    exec 10>&-
  fi
  if [[ -z $by_argument ]]; then
    stdin=8
    return 0
  fi
  local part
  for part in "${template[@]//'{payload}'/"$payload"}"; do
    ((${#part} <= ARGUMENT)) || large=1
  done
  [[ -z $large ]] || error="the payload is too long for an argument ($ARGUMENT bytes at most); leave {payload} \
out of the command, and it comes on standard input"
  [[ -z $large ]]
}

# --------------------------------------------------------------------------------------------- its time

clock() { # centiseconds since boot: it does not jump when somebody sets the clock
  local up
  read -r up _ </proc/uptime
  now=$((10#${up/./}))
}

# parse_timeout: sets `deadline`, and `slice`, the seconds to wait for output at a time
parse_timeout() {
  local part=00 span now
  [[ $limit != *.* ]] || part=${limit#*.}00
  span=$((10#${limit%%.*} * 100 + 10#${part:0:2}))
  ((span > 50)) || printf -v slice '0.%02d' "$((span ? span : 1))"
  clock
  deadline=$((now + span))
}

# Whether the task's own process still runs. Not when it has begun to exit (flag 4, PF_EXITING, in the 9th field
# of /proc/PID/stat, proc(5)): then waiting for it takes no time.
alive() {
  local stat
  [[ -e /proc/$pid ]] || return
  { IFS= read -r -d '' stat </proc/$pid/stat; } 2>/dev/null
  set -- ${stat##*) }
  [[ ${2-} == $$ && $1 != [ZX] ]] && ! (($7 & 4))
}

signal_group() { kill -s "$1" -- "-$pid" 2>/dev/null; }

# tick: between two looks at the output, the task's time, our heartbeat, pings
tick() {
  local now
  looked=$EPOCHSECONDS
  heartbeat_if_due
  while read -t 0 -u $CONTROL; do listen 1; done
  [[ -n $deadline ]] || return
  clock
  ((now >= deadline)) || return
  if [[ -z $expired ]]; then
    expired=1 deadline=$((now + GRACE))
    signal_group TERM
    signal_group CONT # a stopped process takes no TERM
  else
    deadline=
    signal_group KILL
  fi
}

# --------------------------------------------------------------------------------------------- its output

# more SECONDS: what comes next of the output is shown and kept; false when nothing came in time (status over 128) or
# when it ended
more() {
  IFS= read -r -N 1 -t "$1" -u $OUTPUT first || {
    local status=$?
    [[ -z $first ]] || gather # it came as the time ran out
    return $status
  }
  gather
}

# gather: `first` and what else is there, so that a burst is one piece. Bash reads ahead for -N, and when the time is up
# amid that, the next -N of whatever file is given the rest: so it is fetched at once, from where nothing else comes.
gather() {
  local others ahead=
  IFS= read -r -N 4095 -t 0.02 -u $OUTPUT others
  (($? <= 128)) || IFS= read -r -N 65536 -u $NOTHING ahead
  output+=$first$others$ahead
  printf %s "$first$others$ahead"
  ((${#output} < 16384)) || output=${output: -TAIL - 4}
}

PAUSES=(0.0001 0.0001 0.0002 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02)

# follow: until the output ends, after a first read with `status`. A process that the task left behind may hold it open
# for ever, so the end of the task itself counts as well: then what is in the pipe is taken, and no more.
follow() {
  local left=32 paused=0
  [[ $status != 0 && -z $first ]] || gather # a byte can come as the time runs out
  while ((status != 1)); do
    if ((status > 128 || looked != EPOCHSECONDS)); then
      tick
      alive || break
    fi
    more $slice
    status=$?
  done
  if ((status != 1)); then
    while ((left--)) && read -t 0 -u $OUTPUT && more 0.02; do :; done
    new_output
  fi
  while alive; do # it closed its output and goes on; a while, or, as all of coreutils do, only to exit
    listen "${PAUSES[paused++]-0.05}"
    tick
  done
  [[ -z $expired ]] || signal_group KILL
  [[ -z $output || $output == *$'\n' ]] || printf '\n'
}

# --------------------------------------------------------------------------------------------- its outcome

# conclude: `frame` (and `error`) from `status` and `output`
conclude() {
  local text kept=
  if [[ -n $expired ]]; then
    fail timeout "timed out after $limit s"
  elif ((status == 0)); then
    result
  elif ((status > 128)) && [[ -n ${SIGNALS[status - 128]-} ]]; then
    fail failed "killed by SIG${SIGNALS[status - 128]}"
  elif ((status == 75)); then
    fail temporary "exit status $status"
  else
    fail failed "exit status $status"
  fi
  [[ -n $kept || ! -e $TMAX_RESULT ]] || used+=("$TMAX_RESULT")
  ((${#used[@]} < 64)) || sweep
}

# sweep: removes the result files that are not needed any more; many at a time, since this forks
sweep() {
  ((${#used[@]} == 0)) || rm -rf -- "${used[@]}"
  used=()
}

# fail OUTCOME [WHY]: `frame` from WHY and the last line of output, or else from `error`. It never is too long.
fail() {
  local text
  if (($# > 1)); then
    last "$output" 1000
    text=${text%%*([[:space:]])}
    text=${text##*$'\n'}
    error=$2${text:+: $text}
  fi
  whole "$error"
  error=$text
  fits $'failed\tID\t'"$1" "$error"
}

# result: `frame` from the file that the task wrote, or from the tail of its output
result() {
  local size=$TAIL exact
  if [[ -f $TMAX_RESULT ]]; then
    # False at the end of the file: it is short, and holds no NUL byte (which no variable can).
    if ! IFS= read -r -d '' -n $FRAME exact <"$TMAX_RESULT"; then
      whole "$exact"
      [[ $text == "$exact" ]] && fits $'done\tID' "$text" && return
    fi
    fits $'done_file\tID' "$TMAX_RESULT"
    kept=1
    return
  fi
  while :; do
    last "$output" $size
    whole "$text"
    fits $'done\tID' "$text" && return
    size=$((size * 3 / 4))
  done
}

# fits HEAD TEXT: sets `frame`, made of the two and the task, and says whether it fits
fits() {
  local field=$2
  if [[ $field == *[$'\\\t\n\r']* ]]; then
    field=${field//\\/\\\\}
    field=${field//$'\t'/\\t}
    field=${field//$'\n'/\\n}
    field=${field//$'\r'/\\r}
  fi
  frame=${1/ID/$TMAX_TASK$'\t'$TMAX_ATTEMPT}$'\t'$field
  ((${#frame} < FRAME))
}

# whole TEXT: sets `text`, forced to be UTF-8 where it is not: frames are, and a command may print anything
MORE=$'[\x80-\xbf]'
UTF8=$'^([\x01-\x7f]|[\xc2-\xdf]'$MORE$'|\xe0[\xa0-\xbf]'$MORE$'|[\xe1-\xec\xee\xef]'$MORE$MORE
UTF8+=$'|\xed[\x80-\x9f]'$MORE$'|\xf0[\x90-\xbf]'$MORE$MORE$'|[\xf1-\xf3]'$MORE$MORE$MORE
UTF8+=$'|\xf4[\x80-\x8f]'$MORE$MORE')*$'
whole() {
  text=$1
  [[ $text != *[$'\x80'-$'\xff']* || $text =~ $UTF8 ]] || text=${text//[$'\x80'-$'\xff']/?}
}

# last TEXT BYTES: sets `text` to its end: whole characters, and whole lines unless too little would be left
last() {
  local lines
  text=$1
  ((${#text} > $2)) || return
  text=${text: -$2}
  for _ in 1 2 3; do
    [[ $text != $MORE* ]] || text=${text:1} # the rest of a character that was cut
  done
  lines=${text#*$'\n'}
  ((${#lines} * 2 < ${#text})) || text=$lines
}
