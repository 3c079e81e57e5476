#!/usr/bin/env bash
# A worker of its own in bash (5.1 or newer): the tab-separated form of docs/protocol.md, one task at a time.
# For a command that runs once a task, a `task:` group does all this for you.

handle() { result=$1; } # the work: payload in, result out; false and an error in `result` when it fails

LC_ALL=C # lengths are bytes
exec 3<>"$TMAX_PIPES/tasks.pipe" 4<>"$TMAX_PIPES/control.pipe" 5<>"$TMAX_PIPES/results.pipe" || exit 2
# Told to stop, it finishes the task it is in.
trap 'if [[ $busy ]]; then stop=1; else exit 0; fi' TERM INT

escape() { # what is left of it has no tab and no end of line
  field=${1//\\/\\\\} field=${field//$'\t'/\\t}
  field=${field//$'\n'/\\n} field=${field//$'\r'/\\r}
}

answer() { # key, payload
  local status=0 key=$1 file=$TMAX_SPOOL/task-${1/$'\t'/-}.result
  handle "$2" || status=$?
  escape "$result"
  if ((status)); then
    last=failed$'\t'$key$'\tfailed\t'$field # a short one: it has to fit the frame
  elif ((${#field} < 4000)); then
    last=done$'\t'$key$'\t'$field
  else # more than a frame can hold
    printf %s "$result" >"$file" && escape "$file" && last=done_file$'\t'$key$'\t'$field
  fi
}

printf '\nready\t1\t1\n' >&5
while [[ ! $stop ]]; do
  line=
  # bash sees a signal that comes just before read waits only after it: no longer wait than a stop may take
  until IFS= read -r -t 5 -u 3 part && line+=$part; do
    line+=$part
    printf 'heartbeat\t1\t1\n' >&5
  done
  while read -r -t 0 -u 4 && read -r -u 4 control; do
    [[ $control != ping ]] || printf 'heartbeat\t1\t1\n' >&5
  done
  [[ $line =~ ^(task|task_file)$'\t'([0-9]+$'\t'[0-9]+)$'\t'[-.0-9]+$'\t'(.*)$ ]] || continue
  kind=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]}
  printf -v payload %b "${BASH_REMATCH[3]}"
  if [[ $key != "$known" ]]; then # else the daemon was restarted and asks again
    busy=1
    printf 'started\t%s\n' "$key" >&5
    [[ $kind == task ]] || IFS= read -r -d '' payload <"$payload"
    answer "$key" "$payload"
    known=$key busy=
  fi
  printf '%s\n' "$last" >&5
done
