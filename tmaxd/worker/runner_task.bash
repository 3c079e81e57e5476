# One task of the runner: how it is started, followed and reported. Sourced by runner.bash, whose variables
# these functions use; what belongs to one task is local to `perform` and seen by what it calls.

# --------------------------------------------------------------------------------------------- text

# whole TEXT: sets `text`, made valid UTF-8 by force where it is not. Frames are UTF-8, and a command may print
# anything.
MORE=$'[\x80-\xbf]'
UTF8=$'^([\x01-\x7f]|[\xc2-\xdf]'$MORE$'|\xe0[\xa0-\xbf]'$MORE$'|[\xe1-\xec\xee\xef]'$MORE$MORE
UTF8+=$'|\xed[\x80-\x9f]'$MORE$'|\xf0[\x90-\xbf]'$MORE$MORE$'|[\xf1-\xf3]'$MORE$MORE$MORE
UTF8+=$'|\xf4[\x80-\x8f]'$MORE$MORE')*$'
whole() {
  text=$1
  [[ $text == *[$'\x80'-$'\xff']* && ! $text =~ $UTF8 ]] && text=${text//[$'\x80'-$'\xff']/?}
}

# last TEXT BYTES: sets `text` to the end of it: whole characters, and whole lines unless too little would be left
last() {
  text=$1
  ((${#text} > $2)) || return
  text=${text: -$2}
  local lines
  for _ in 1 2 3; do
    [[ $text != $MORE* ]] || text=${text:1} # the rest of a character that was cut
  done
  lines=${text#*$'\n'}
  ((${#lines} * 2 >= ${#text})) && text=$lines
}

# --------------------------------------------------------------------------------------------- a task

clock() { # centiseconds since boot: it does not jump when somebody sets the clock
  local up
  read -r up _ </proc/uptime
  now=$((10#${up/./}))
}

# Whether the task's own process still runs. Not when it has begun to exit (flag 4, PF_EXITING, of the 9th field
# of /proc/PID/stat, proc(5)): then waiting for it takes no time.
alive() {
  local stat
  { IFS= read -r -N 1024 stat </proc/$pid/stat; } 2>/dev/null
  set -- ${stat##*) }
  [[ ${2-} == $$ && $1 != [ZX] ]] && ! (($7 & 4))
}

signal_group() { kill -s "$1" -- "-$pid" 2>/dev/null; }

# Between two looks at the task's output: its time, our heartbeat, pings
tick() {
  looked=$EPOCHSECONDS
  heartbeat_if_due
  hear
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

# more SECONDS: what comes next of the task's output is shown and kept; false when nothing came in time (status
# over 128) or when it ended
more() {
  local first others status
  IFS= read -r -N 1 -t "$1" -u $OUTPUT first || return
  IFS= read -r -N 4095 -t 0.02 -u $OUTPUT others # so that a burst is one piece
  output+=$first$others
  printf %s "$first$others"
  ((${#output} < 16384)) || output=${output: -TAIL - 4}
}

# Follows the task until its output ends. A process that it left behind may hold that open for ever, so the end of
# the task itself counts as well: then what is in the pipe is taken, and no more.
follow() {
  local ended left=32
  while :; do
    more $slice
    ended=$?
    ((ended == 0 && looked == EPOCHSECONDS)) && continue
    ((ended == 0 || ended > 128)) || break
    tick
    alive && continue
    while ((left--)) && read -t 0 -u $OUTPUT && more 0.02; do :; done
    break
  done
  while alive; do # it closed its output and goes on
    listen 0.05
    tick
  done
  [[ -z $expired ]] || signal_group KILL
}

# parse SECONDS: sets `deadline` (empty for none) and `slice`, how long to wait for output at a time
parse_timeout() {
  deadline= slice=0.5
  [[ $1 != - ]] || return
  local whole=${1%%.*} part=00
  [[ $1 == *.* ]] && part=${1#*.}00
  local limit=$((10#$whole * 100 + 10#${part:0:2}))
  ((limit > 50)) || printf -v slice '0.%02d' "$((limit ? limit : 1))"
  clock
  deadline=$((now + limit))
}

# The payload, for its three ways in. Sets `payload`, `argv` and `input` (a file to read it from, if there is one);
# false with `error` set when the task cannot be run.
prepare() {
  local kind=$1 field=$2 part
  input=/dev/null argv=("${template[@]}") large=
  if [[ $field == *\\* ]]; then printf -v payload %b "$field"; else payload=$field; fi
  if [[ $kind == task_file ]]; then
    input=$payload
    [[ -f $input && -r $input ]] || { error="the payload file ${input:0:1000} cannot be read"; return 1; }
    IFS= read -r -N $((ARGUMENT + 1)) payload <"$input" && large=1
  fi
  if ((${#payload} <= VARIABLE)); then export TMAX_PAYLOAD=$payload; else unset TMAX_PAYLOAD; fi
  [[ -n $by_argument ]] || return 0
  input=/dev/null
  argv=("${template[@]//'{payload}'/"$payload"}")
  for part in "${argv[@]}"; do
    ((${#part} > ARGUMENT)) && large=1
  done
  [[ -z $large ]] || error="the payload is too long for an argument ($ARGUMENT bytes at most); leave {payload} \
out of the command, and it comes on standard input"
  [[ -z $large ]]
}

# start KIND: begins the task in a process group of its own; its output arrives at fd OUTPUT
start() {
  # A here-string is a pipe. Opening it for writing through /proc gives a pipe of our own, without a fork.
  exec 6<<<'' 8<"$input"
  read -r -u 6
  exec 7>/proc/self/fd/6
  if [[ -z $by_argument && $1 == task ]]; then
    exec 8<<<''
    read -r -u 8
    exec 9>/proc/self/fd/8
    printf %s "$payload" >&9
    exec 9>&-
  fi
  {
    trap '' TTIN TTOU # reading or setting the terminal fails, instead of stopping the task for ever
    [[ -z $locale_set ]] || LC_ALL=$locale
    exec "${argv[@]}"
  } <&8 >&7 3<&- 4<&- 5<&- 6<&- 7>&- 8<&- &
  pid=$!
  exec 7>&- 8<&-
}

# conclude STATUS: sets `frame` and, for a failure, `error`
conclude() {
  local outcome=failed
  error=
  if [[ -n $expired ]]; then
    outcome=timeout error="timed out after $limit s"
  elif (($1 == 0)); then
    result
    return
  else
    (($1 == 75)) && outcome=temporary
    error="exit status $1"
    (($1 > 128)) && [[ -n ${SIGNALS[$1 - 128]-} ]] && error="killed by SIG${SIGNALS[$1 - 128]}"
  fi
  last "$output" 1000
  text=${text%%*([[:space:]])}
  whole "${text##*$'\n'}"
  [[ -z $text ]] || error+=": $text"
  fail $outcome
}

# fail OUTCOME: `frame` from `error`, which is never too long for one
fail() { fits $'failed\tID\t'"$1" "$error"; }

# `frame` from the file that the task wrote, or from the tail of its output
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

# Removes the result files that are not needed any more; many at a time, since this forks
sweep() {
  ((${#used[@]} == 0)) || rm -f -- "${used[@]}"
  used=()
}

# perform KIND TIMEOUT FIELD
perform() {
  local limit=$2 payload input large argv output= error= expired= deadline= slice looked=$EPOCHSECONDS
  local frame field text kept= status began took
  TMAX_RESULT=$TMAX_SPOOL/task-$TMAX_TASK-$TMAX_ATTEMPT.result
  printf 'started\t%s\t%s\n' "$TMAX_TASK" "$TMAX_ATTEMPT" >&$RESULTS
  printf '%s task %s (attempt %s)\n' "${MARKS[0]}" "$TMAX_TASK" "$TMAX_ATTEMPT"
  began=${EPOCHREALTIME/[.,]/}
  if prepare "$1" "$3"; then
    [[ ! -e $TMAX_RESULT ]] || rm -rf -- "$TMAX_RESULT" # of a runner that died over it
    start "$1"
    parse_timeout "$limit"
    follow
    wait "$pid" 2>/dev/null
    status=$?
    pid=
    exec 6<&-
    [[ -z $output || $output == *$'\n' ]] || printf '\n'
    conclude $status
    [[ -n $kept || ! -e $TMAX_RESULT ]] || used+=("$TMAX_RESULT")
    ((${#used[@]} < 64)) || sweep
  else
    fail failed
  fi
  settle
  took=$((${EPOCHREALTIME/[.,]/} - began))
  printf -v took '%d.%02d' $((took / 1000000)) $((took / 10000 % 100))
  if [[ -z $error ]]; then
    printf '%s done in %s s\n' "${MARKS[1]}" "$took"
  else
    printf '%s failed in %s s: %s\n' "${MARKS[2]}" "$took" "$error"
  fi
}
