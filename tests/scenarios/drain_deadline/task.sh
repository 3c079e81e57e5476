echo "$1" >> ledger
while [ "$1" = hold ] && [ ! -e gate ]; do sleep 0.02; done
